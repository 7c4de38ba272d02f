"""What a submitter hears: receipts, a summary, or a count.

The entries of a request are either appended by it, or were in the log already, sent
before with the same idempotency key. Both are answered in the same shape.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiohttp import hdrs, web

from merklelog.tlog.commitment import Commitment
from merklelog.tlog.head import Head
from merklelog.tlog.reader import Reader
from proofs.receipt import format_receipt
from proofs.text import format_base64

from .documents import JSON, encode_json
from .receipts import ReceiptWriter

# Receipts in one piece of a batch's answer: at some 2 KB each, two megabytes.
_PAGE = 1024


class Options(NamedTuple):
    """What a submitter wants to hear."""

    sequenced: bool
    """Without proof and checkpoint: only what is certain once entries are durable."""
    receipt: str
    """``full``, ``summary`` or ``none``."""
    leaf_hashes: bool
    """A summary lists the leaf hashes."""


class Stored(Protocol):
    """Entries of one request that are in the log, at indexes that follow each other."""

    @property
    def origin(self) -> str:
        """The log's name."""

    @property
    def duplicate(self) -> bool:
        """Whether an earlier request put them there."""

    @property
    def first_index(self) -> int:
        """The index of the first."""

    @property
    def leaf_hashes(self) -> Sequence[bytes]:
        """The leaf hash of each."""

    @property
    def head(self) -> Head:
        """A head that contains all of them."""

    async def receipts(self, start: int, end: int, *, sequenced: bool) -> list[bytes]:
        """Return the receipts of entries [start, end) of the request, as JSON."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Entries that this request appended."""

    commitment: Commitment
    writer: ReceiptWriter
    duplicate: bool = False

    @property
    def origin(self) -> str:
        return self.writer.origin

    @property
    def first_index(self) -> int:
        return self.commitment.first_index

    @property
    def leaf_hashes(self) -> Sequence[bytes]:
        return self.commitment.leaf_hashes

    @property
    def head(self) -> Head:
        return self.commitment.head

    async def receipts(self, start: int, end: int, *, sequenced: bool) -> list[bytes]:
        offsets = range(start, end)
        if not sequenced:
            return [self.writer.full(self.commitment, offset) for offset in offsets]
        return [
            self.writer.sequenced(
                self.first_index + offset,
                self.leaf_hashes[offset],
                self.commitment.logged_at,
            )
            for offset in offsets
        ]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Entries that an earlier request appended. Their proofs may be newer than its."""

    reader: Reader
    first_index: int
    leaf_hashes: Sequence[bytes]
    head: Head
    writer: ReceiptWriter
    duplicate: bool = True

    @property
    def origin(self) -> str:
        return self.writer.origin

    async def receipts(self, start: int, end: int, *, sequenced: bool) -> list[bytes]:
        reader, first = self.reader, self.first_index
        if sequenced:
            return [
                self.writer.sequenced(
                    first + offset,
                    self.leaf_hashes[offset],
                    await reader.logged_at(first + offset),
                )
                for offset in range(start, end)
            ]
        return [
            format_receipt(await reader.receipt(first + offset, self.head))
            for offset in range(start, end)
        ]


async def answer_single(
    log_name: str, stored: Stored, options: Options
) -> web.Response:
    """Return the answer to one entry: 201, or 200 for one that was there already."""
    if options.receipt == "full":
        (body,) = await stored.receipts(0, 1, sequenced=options.sequenced)
    else:
        body = _short(stored, options)
    location = f"/logs/{log_name}/entries/{stored.first_index}"
    return web.Response(
        status=_status(stored),
        body=body,
        content_type=JSON,
        headers={hdrs.LOCATION: location},
    )


async def answer_batch(
    request: web.Request, stored: Stored, options: Options
) -> web.StreamResponse:
    """Return the answer to a batch. One of many receipts is sent piece by piece."""
    if options.receipt != "full":
        body = _short(stored, options)
        return web.Response(status=_status(stored), body=body, content_type=JSON)
    pages = _receipt_pages(stored, sequenced=options.sequenced)
    first = await anext(pages)
    if len(stored.leaf_hashes) <= _PAGE:
        return web.Response(status=_status(stored), body=first, content_type=JSON)
    response = web.StreamResponse(status=_status(stored))
    response.content_type = JSON
    await response.prepare(request)
    await response.write(first)
    async for page in pages:
        await response.write(page)
    return response


async def _receipt_pages(stored: Stored, *, sequenced: bool) -> AsyncIterator[bytes]:
    """Yield ``{"count": n, "receipts": [...]}`` in pieces of bounded size."""
    count = len(stored.leaf_hashes)
    before = b'{"count":%d,"receipts":[' % count
    for start in range(0, count, _PAGE):
        end = min(start + _PAGE, count)
        receipts = b",".join(await stored.receipts(start, end, sequenced=sequenced))
        yield before + receipts + (b"]}" if end == count else b"")
        before = b","


def _short(stored: Stored, options: Options) -> bytes:
    """Return the summary, or the count alone."""
    count = len(stored.leaf_hashes)
    answer: dict[str, object] = {"count": count}
    if options.receipt == "summary":
        answer["origin"] = stored.origin
        answer["first_index"] = stored.first_index
        if stored.duplicate:
            answer["duplicates"] = count
        if options.leaf_hashes:
            answer["leaf_hashes"] = [*map(format_base64, stored.leaf_hashes)]
        if not options.sequenced:
            answer["checkpoint"] = stored.head.note.decode("utf-8")
    return encode_json(answer)


def _status(stored: Stored) -> int:
    """Return 200 for what was in the log already, and 201 for what was appended."""
    return 200 if stored.duplicate else 201
