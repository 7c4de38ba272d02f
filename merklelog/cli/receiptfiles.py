"""The files that ``merklelog verify`` reads.

A file that is missing, empty or malformed is UNREADABLE, never "empty, fine".
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from proofs.errors import MalformedError, MalformedProof
from proofs.receipt import MAX_RECEIPT_SIZE, Receipt, parse_receipt
from proofs.text import parse_base64
from proofs.tlogproof import TlogProof, parse_tlog_proof

_TLOG_PROOF_HEADER = b"c2sp.org/tlog-proof@"


class LoadedReceipt(NamedTuple):
    """One receipt of a file."""

    name: str
    """The file, and for .ndjson the line."""
    receipt: Receipt | TlogProof | str
    """What was read, unverified; a text says why nothing could be."""


class Unreadable(Exception):
    """A file that the check needs cannot be used; says which and why."""


def load_receipts(path: Path) -> Iterator[LoadedReceipt]:
    """Yield the receipts in a file, at least one; .ndjson has one a line."""
    name = str(path)
    try:
        with path.open("rb") as file:
            if path.suffix == ".ndjson":
                yield from _load_lines(name, file)
            else:
                yield LoadedReceipt(name, _parse(file.read(MAX_RECEIPT_SIZE + 1)))
    except OSError as error:
        yield LoadedReceipt(name, f"it cannot be read: {error.strerror}")


def load_consistency_proof(path: Path) -> list[bytes]:
    """Return the hashes in a file that holds an answer of ``/proofs/consistency``.

    Raises:
        Unreadable: there is no such file, or it holds something else.
    """
    try:
        document = json.loads(read_file(path) or b"")
        if not isinstance(document, dict) or not isinstance(document["hashes"], list):
            raise MalformedProof("an object with hashes is expected")
        return [parse_base64(str(text), length=32) for text in document["hashes"]]
    except (ValueError, KeyError, RecursionError, MalformedError) as error:
        raise Unreadable(f"{path}: not a consistency proof: {error}") from error


def read_file(path: Path | None) -> bytes | None:
    """Return the bytes of a file that the user named, None where he named none.

    Raises:
        Unreadable: there is no such file, or it may not be read.
    """
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error


def _load_lines(name: str, file: BinaryIO) -> Iterator[LoadedReceipt]:
    number = 0
    while line := file.readline(MAX_RECEIPT_SIZE + 2):
        number += 1
        yield LoadedReceipt(f"{name}:{number}", _parse(line.removesuffix(b"\n")))
    if not number:
        yield LoadedReceipt(name, "it is empty: there is no receipt in it")


def _parse(data: bytes) -> Receipt | TlogProof | str:
    try:
        if data.startswith(_TLOG_PROOF_HEADER):
            return parse_tlog_proof(data)
        return parse_receipt(data)
    except MalformedError as error:
        return f"it cannot be read: {error}"
