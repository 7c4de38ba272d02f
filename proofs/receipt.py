"""Receipts in JSON: what a submitter keeps, and verifies without the server.

::

    {"version":1,"origin":"example.com/audit","index":41,"leaf_hash":"<base64>",
     "logged_at":"2026-11-21T10:00:00.123Z","inclusion_proof":["<base64>"],
     "checkpoint":"example.com/audit\\n42\\n…"}

and, where they were asked for, ``entry``, ``event_id``, ``disclosures`` and
``consistency_proof``. `format_receipt` writes the members in this order, without
spaces, in UTF-8. Reading allows any order and spacing, because people reformat JSON,
and nothing else: unknown members, members given twice and other types are refused by
name. Nothing of a receipt is signed but the checkpoint; see `proofs.verdict` for what
follows from it.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NoReturn

from .errors import MalformedError, MalformedReceipt
from .hashing import HASH_SIZE
from .note import MAX_NOTE_SIZE
from .text import DECIMAL_LIMIT, format_base64, parse_base64

VERSION = 1

# A note of the largest size with every byte escaped, an entry, and proofs.
MAX_RECEIPT_SIZE = 8 * MAX_NOTE_SIZE

# RFC 3339 in UTC with milliseconds: one spelling for one instant.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class ConsistencyProof(NamedTuple):
    """Hashes that prove an older tree to be the beginning of the receipt's."""

    old_size: int
    hashes: tuple[bytes, ...]


class Disclosure(NamedTuple):
    """A field of an audit event, shown with the salt of its commitment."""

    path: str
    salt: bytes
    value: object
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a log answered to a submission. Nothing here is verified."""

    origin: str
    index: int
    leaf_hash: bytes
    inclusion_proof: tuple[bytes, ...]
    checkpoint: bytes
    """A signed note, not parsed here."""
    logged_at: str | None = None
    """RFC 3339 with milliseconds. In an opaque log the server's word, not proven."""
    entry: bytes | None = None
    event_id: str | None = None
    disclosures: tuple[Disclosure, ...] = ()
    consistency_proof: ConsistencyProof | None = None


def parse_receipt(data: bytes) -> Receipt:
    """Return the receipt that *data* holds in JSON. Verifies nothing.

    Raises:
        MalformedReceipt: not a receipt; the message names the member.
    """
    members = _Members("a receipt", _load_json(data))
    version = members.integer("version")
    if version != VERSION:
        raise MalformedReceipt(f"a receipt of version {version}, not {VERSION}")
    receipt = Receipt(
        origin=members.text("origin"),
        index=members.integer("index"),
        leaf_hash=members.hash("leaf_hash"),
        logged_at=members.time("logged_at") if "logged_at" in members else None,
        inclusion_proof=members.hashes("inclusion_proof"),
        checkpoint=members.text("checkpoint").encode("utf-8"),
        entry=members.base64("entry") if "entry" in members else None,
        event_id=members.text("event_id") if "event_id" in members else None,
        disclosures=_parse_disclosures(members),
        consistency_proof=_parse_consistency_proof(members),
    )
    members.refuse_others()
    return receipt


def format_receipt(receipt: Receipt) -> bytes:
    """Return *receipt* in JSON: one line, without a newline.

    Raises:
        MalformedReceipt: this JSON would not parse back to this receipt.
    """
    members: dict[str, object] = {
        "version": VERSION,
        "origin": receipt.origin,
        "index": receipt.index,
        "leaf_hash": format_base64(receipt.leaf_hash),
    }
    if receipt.logged_at is not None:
        members["logged_at"] = receipt.logged_at
    members["inclusion_proof"] = [format_base64(h) for h in receipt.inclusion_proof]
    members["checkpoint"] = receipt.checkpoint.decode("utf-8", "surrogateescape")
    if receipt.entry is not None:
        members["entry"] = format_base64(receipt.entry)
    if receipt.event_id is not None:
        members["event_id"] = receipt.event_id
    if receipt.disclosures:
        members["disclosures"] = [
            [shown.path, format_base64(shown.salt), shown.value]
            for shown in receipt.disclosures
        ]
    if receipt.consistency_proof is not None:
        members["consistency_proof"] = {
            "from": receipt.consistency_proof.old_size,
            "hashes": [format_base64(h) for h in receipt.consistency_proof.hashes],
        }
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    # What is no text gets this far, and is refused by the parser like any other.
    data = text.encode("utf-8", "surrogatepass")
    if parse_receipt(data) != receipt:
        raise MalformedReceipt("these values have no spelling as a receipt")
    return data


class _Members:
    """The members of one JSON object, read one by one. Owned by one parser call."""

    def __init__(self, name: str, value: object) -> None:
        if not isinstance(value, dict):
            raise MalformedReceipt(f"{name} is a JSON object")
        self._name = name
        self._unread: dict[str, object] = dict(value)

    def __contains__(self, member: str) -> bool:
        return member in self._unread

    def take(self, member: str) -> object:
        if member not in self._unread:
            raise MalformedReceipt(f"{self._name} without member {member!r}")
        return self._unread.pop(member)

    def integer(self, member: str) -> int:
        value = self.take(member)
        # True is an int to isinstance, and 1.0 is equal to 1.
        if type(value) is not int or not 0 <= value < DECIMAL_LIMIT:
            raise MalformedReceipt(f"{member!r} is an integer from 0 to 2^63 - 1")
        return value

    def text(self, member: str) -> str:
        return _text(member, self.take(member))

    def time(self, member: str) -> str:
        value = self.text(member)
        if not _TIME.fullmatch(value):
            raise MalformedReceipt(f"{member!r} is a time in UTC with milliseconds")
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise MalformedReceipt(f"{member!r}: {error}") from error
        return value

    def base64(self, member: str) -> bytes:
        return _base64(member, self.take(member))

    def hash(self, member: str) -> bytes:
        return _base64(member, self.take(member), length=HASH_SIZE)

    def hashes(self, member: str) -> tuple[bytes, ...]:
        return tuple(
            _base64(member, item, length=HASH_SIZE) for item in self.items(member)
        )

    def items(self, member: str) -> Sequence[object]:
        value = self.take(member)
        if not isinstance(value, list):
            raise MalformedReceipt(f"{member!r} is an array")
        return value

    def refuse_others(self) -> None:
        if self._unread:
            names = ", ".join(repr(name[:64]) for name in self._unread)
            raise MalformedReceipt(f"{self._name} with unknown members: {names[:256]}")


def _parse_disclosures(members: _Members) -> tuple[Disclosure, ...]:
    """Return the disclosures of a receipt, none if it has no such member."""
    if "disclosures" not in members:
        return ()
    disclosures = []
    for item in members.items("disclosures"):
        if not isinstance(item, list) or len(item) != 3:
            raise MalformedReceipt("'disclosures' holds [path, salt, value]")
        path, salt, value = item
        shown = Disclosure(
            _text("disclosures", path), _base64("disclosures", salt), value
        )
        disclosures.append(shown)
    if not disclosures:
        raise MalformedReceipt("'disclosures' is left out where there are none")
    return tuple(disclosures)


def _parse_consistency_proof(members: _Members) -> ConsistencyProof | None:
    """Return the consistency proof of a receipt, None if it has no such member."""
    if "consistency_proof" not in members:
        return None
    inner = _Members("'consistency_proof'", members.take("consistency_proof"))
    proof = ConsistencyProof(inner.integer("from"), inner.hashes("hashes"))
    inner.refuse_others()
    return proof


def _text(member: str, value: object) -> str:
    """Return *value* if it is a string."""
    if not isinstance(value, str):
        raise MalformedReceipt(f"{member!r} is a string")
    return value


def _base64(member: str, value: object, *, length: int | None = None) -> bytes:
    """Return the bytes of a string in canonical base64."""
    try:
        return parse_base64(_text(member, value), length=length)
    except MalformedError as error:
        raise MalformedReceipt(f"{member!r}: {error}") from error


def _load_json(data: bytes) -> object:
    """Return the value of JSON text in UTF-8, strictly."""
    if len(data) > MAX_RECEIPT_SIZE:
        raise MalformedReceipt(f"a receipt has at most {MAX_RECEIPT_SIZE} bytes")
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_members,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        # An escape can spell half of a surrogate pair, which is no text at all.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    # ValueError: not UTF-8, not JSON, or an integer of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise MalformedReceipt(f"not JSON: {error}") from error
    return value


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that has a member twice: other readers take the other one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedReceipt(f"member {twice[:64]!r} appears twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise MalformedReceipt(f"not JSON: {name}")


def _finite(text: str) -> float:
    """Refuse numbers that a float cannot hold: 1e400 would read as infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise MalformedReceipt(f"number too large: {text[:32]}")
    return number
