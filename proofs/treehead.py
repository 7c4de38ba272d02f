"""Signed tree heads of RFC 6962 section 3.5, carried in notes as static-ct-api does.

A note line of type 0x05 (c2sp.org/static-ct-api) holds, after the key id::

    0000018e7e815952             u64 time, ms since 1970
    04 03                        sha256, ecdsa (RFC 5246 section 7.4.1.4.1)
    00 47                        u16 length
    3045022100bfc6ce33…          the signature, ASN.1 DER

It signs not the text of the note but what an RFC 6962 client knows of it::

    00 01                        version 1, tree_hash
    0000018e7e815952             u64 time, the one above
    0000000006e200ea             u64 size
    daad4ae9a888251f…            root hash

so that ``get-sth`` and the checkpoint carry one and the same signature.
"""

from typing import NamedTuple

from .checkpoint import Checkpoint, parse_checkpoint
from .errors import MalformedCheckpoint, MalformedError

_SHA256_ECDSA = b"\x04\x03"
_HEADER_SIZE = 8 + 2 + 2
_MAX_ECDSA_SIZE = 0xFFFF


class TreeHeadSignature(NamedTuple):
    """The signature of a note line of type 0x05."""

    timestamp_ms: int
    ecdsa: bytes
    """ASN.1 DER."""

    @property
    def digitally_signed(self) -> bytes:
        """What get-sth calls tree_head_signature: algorithms, length, signature."""
        return _SHA256_ECDSA + len(self.ecdsa).to_bytes(2) + self.ecdsa


def tree_head_of(text: bytes, *, origin: str) -> Checkpoint:
    """Return the checkpoint that *text* spells, if a tree head can stand for it.

    Raises:
        MalformedCheckpoint: no checkpoint, one of another log than *origin*, or one
            with extension lines: what is signed has no place for either.
    """
    checkpoint = parse_checkpoint(text)
    require_tree_head(checkpoint, origin=origin)
    return checkpoint


def require_tree_head(checkpoint: Checkpoint, *, origin: str) -> None:
    """Refuse a checkpoint that no tree head can stand for.

    Raises:
        MalformedCheckpoint: of another log than *origin*, or with extension lines.
    """
    if checkpoint.origin != origin:
        raise MalformedCheckpoint(f"a checkpoint of {checkpoint.origin!r}")
    if checkpoint.extensions:
        raise MalformedCheckpoint("a tree head has no extension lines")


def tree_head_message(checkpoint: Checkpoint, *, timestamp_ms: int) -> bytes:
    """Return what a tree head signature signs, 50 bytes."""
    numbers = timestamp_ms.to_bytes(8) + checkpoint.size.to_bytes(8)
    return b"\x00\x01" + numbers + checkpoint.root_hash


def encode_tree_head_signature(signature: TreeHeadSignature) -> bytes:
    """Return the bytes that follow the key id in a note line of type 0x05."""
    return signature.timestamp_ms.to_bytes(8) + signature.digitally_signed


def decode_tree_head_signature(data: bytes) -> TreeHeadSignature:
    """Return the parts of a signature of type 0x05. Verifies nothing.

    Raises:
        MalformedError: not what `encode_tree_head_signature` would write.
    """
    if len(data) > _HEADER_SIZE + _MAX_ECDSA_SIZE:
        raise MalformedError("a tree head signature that is too long")
    signature = TreeHeadSignature(int.from_bytes(data[:8]), data[_HEADER_SIZE:])
    if encode_tree_head_signature(signature) != data:
        raise MalformedError("not a tree head signature")
    return signature
