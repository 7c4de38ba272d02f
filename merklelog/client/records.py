"""Records out of files: NDJSON, a JSON array, an object with "Records" (CloudTrail).

What becomes an entry:

- NDJSON, or any file of lines: each line as it is, without its LF. A CR stays. Lines
  of nothing but white space are no records.
- an array or ``Records``: each element as the exact slice of the source; one that
  spans lines is made compact, its members and tokens as they were.

Lines are read one at a time, so a file of lines may have any size. A JSON document
is held in memory, up to :data:`MAX_DOCUMENT_SIZE`.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from proofs.tiles import MAX_ENTRY_SIZE

from .errors import BadRecord
from .jsonslices import compact, record_slices

# A CloudTrail file has some megabytes at most; beyond this, lines are the better form.
MAX_DOCUMENT_SIZE = 256 * 1024 * 1024

_GZIP_MAGIC = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"


class RecordFile:
    """The records of one seekable file, in order. Iterating starts from its beginning.

    The file is taken as long as it is now: a log file that grows between checking
    and sending does not bring in records that nobody has checked.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read from *file*, which is called *name* in errors."""
        self._file = file
        self._name = name
        self._size = file.seek(0, 2)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each record, 1 to 65,535 bytes.

        Raises:
            BadRecord: what is wrong, with the number of the record (from 1).
        """
        records = self._document() if self._is_document() else self._lines()
        for number, record in enumerate(records, 1):
            if len(record) > MAX_ENTRY_SIZE:
                raise BadRecord(
                    f"{self._name}: record {number} is too large: "
                    f"an entry has at most {MAX_ENTRY_SIZE:,} bytes"
                )
            yield record

    def _lines(self) -> Iterator[bytes]:
        """Yield filled lines without LF; of an oversize one only its beginning."""
        left = self._size
        self._file.seek(0)
        while left:
            line = self._file.readline(min(left, MAX_ENTRY_SIZE + 2))
            if not line:
                raise BadRecord(
                    f"{self._name}: the file was shortened while it was read"
                )
            left -= len(line)
            if not line.isspace():
                yield line.removesuffix(b"\n")

    def _document(self) -> Iterator[bytes]:
        if self._size > MAX_DOCUMENT_SIZE:
            raise BadRecord(
                f"{self._name}: a JSON document of {self._size:,} bytes; the limit is "
                f"{MAX_DOCUMENT_SIZE:,}: turn it into one record a line (jq -c '.[]')"
            )
        self._file.seek(0)
        try:
            for slice_ in record_slices(self._file.read(self._size).decode("utf-8")):
                yield (compact(slice_) if "\n" in slice_ else slice_).encode("utf-8")
        except json.JSONDecodeError as error:
            raise BadRecord(
                f"{self._name}: neither JSON nor one record a line: "
                f"line {error.lineno}, column {error.colno}: {error.msg}"
            ) from error
        except UnicodeDecodeError as error:
            raise BadRecord(
                f"{self._name}: not UTF-8 at byte {error.start}: convert it first"
            ) from error
        except (ValueError, RecursionError) as error:
            raise BadRecord(f"{self._name}: {error}") from error

    def _is_document(self) -> bool:
        """Tell a JSON document from lines, by the first line and what follows it.

        A first line that is a whole JSON value, with more after it, is NDJSON. One
        that begins a value and does not end it opens a document.
        """
        self._file.seek(0)
        line = self._file.readline(MAX_ENTRY_SIZE + 2)
        if line.startswith(_GZIP_MAGIC):
            raise BadRecord(f"{self._name}: compressed: run gunzip on it first")
        if line.startswith(_UTF8_BOM):
            raise BadRecord(f"{self._name}: begins with a byte order mark: remove it")
        if not line.strip():
            line = self._file.read(MAX_ENTRY_SIZE).lstrip()
        if not line.lstrip().startswith((b"{", b"[")):
            return False
        try:
            # Whether the bytes are UTF-8 is for the reading of them to say.
            # Numbers stay text: Python refuses to convert a very long one.
            value = json.loads(line.decode("utf-8", "surrogateescape"), parse_int=str)
        except (ValueError, RecursionError):
            return True
        if self._more_follows():
            return False
        return isinstance(value, list) or isinstance(value.get("Records"), list)

    def _more_follows(self) -> bool:
        """Whether anything but white space follows the line just read."""
        while chunk := self._file.read(MAX_ENTRY_SIZE):
            if not chunk.isspace():
                return True
        return False
