"""What the command line reads: files of users, and answers of servers."""

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile

from fuzz.targets import Target

from merklelog.cli.receiptfiles import Unreadable, load_consistency_proof
from merklelog.client.errors import BadAnswer, BadRecord
from merklelog.client.jsonslices import compact, record_slices
from merklelog.client.records import RecordFile
from merklelog.client.tail import _parse_entry
from proofs.hashing import leaf_hash
from proofs.text import format_base64


def _refuse(name: str) -> None:
    raise ValueError(name)


def _load(text: str) -> object:
    """Return the value of JSON text, numbers as they are spelled."""
    value: object = json.loads(
        text, parse_int=str, parse_float=str, parse_constant=_refuse
    )
    return value


def _records(document: str) -> list[object] | None:
    """Return the records of *document*, None if it holds none."""
    try:
        value = _load(document)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = value.get("Records")
    return value if isinstance(value, list) else None


def fuzz_json_slices(data: bytes) -> None:
    """The slices are what a JSON parser finds, and so are they when made compact."""
    document = data.decode("utf-8", "replace")
    expected = _records(document)
    try:
        slices = list(record_slices(document))
    except (ValueError, RecursionError):
        return
    assert [_load(found) for found in slices] == expected
    assert [_load(compact(found)) for found in slices] == expected
    assert not any("\n" in compact(found) for found in slices)


def fuzz_record_file(data: bytes) -> None:
    """Records are of one line and of the size of an entry, or the file is refused."""
    try:
        records = list(RecordFile(BytesIO(data), "input"))
    except BadRecord:
        return
    assert all(1 <= len(record) <= 65_535 for record in records)
    assert not any(b"\n" in record for record in records)


def fuzz_consistency_file(data: bytes) -> None:
    with NamedTemporaryFile() as file, suppress(Unreadable):
        file.write(data)
        file.flush()
        proof = load_consistency_proof(Path(file.name))
        assert all(len(digest) == 32 for digest in proof)


def fuzz_tail_event(data: bytes) -> None:
    """An event is an entry with its own leaf hash, or refused."""
    with suppress(BadAnswer):
        found = _parse_entry(data.decode("utf-8", "replace"))
        assert found.leaf_hash == leaf_hash(found.entry)


_EVENT = {
    "index": 5,
    "leaf_hash": format_base64(leaf_hash(b"entry 5")),
    "entry": format_base64(b"entry 5"),
}
_PROOF = {"from": 1, "to": 2, "hashes": [format_base64(bytes(32))]}
_DOCUMENTS = [
    b'{"a": 1}\n{"a": 2}\r\n\nno JSON\n',
    b' [\n {"a": "\\u00e9 \\" ]"} , -1.50e+2,null,\n[ ], {"a":{}} ]\n',
    b'{"x": "Records", "Records": [{"b":\n 1}, true], "y": [1]}',
    b'{"Records": []}\n',
    b"[" * 5000,
]

TARGETS = {
    "json-slices": Target(fuzz_json_slices, _DOCUMENTS),
    "record-file": Target(fuzz_record_file, _DOCUMENTS),
    "consistency-file": Target(
        fuzz_consistency_file, [json.dumps(_PROOF).encode(), b"[" * 5000]
    ),
    "tail-event": Target(fuzz_tail_event, [json.dumps(_EVENT).encode(), b"[" * 5000]),
}
