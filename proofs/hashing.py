"""The hashes of an RFC 6962 Merkle tree (section 2.1), SHA-256 only.

The prefix bytes keep leaves and nodes apart: without them, the two hashes under a
node could be shown as an entry (a second preimage).
"""

from hashlib import sha256

HASH_SIZE = 32

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry), 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right), 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()
