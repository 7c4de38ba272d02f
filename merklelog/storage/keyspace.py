"""The keys of a store: layout and meaning of each, and the format version.

Every key starts with one letter. Numbers are big-endian and of fixed width (u16, u32,
u64: 2, 4, 8 bytes), so that the order of keys is the order of numbers.

==============  ===================  ================================================
key             value                meaning
==============  ===================  ================================================
``v``           u32                  the format version of everything else
``h``           signed note          head: the checkpoint of the newest tree
``r``           text                 read-only: why the log was frozen
``e`` u64       u64 u16 bundle       segment: when it was logged, and the entries of
                                     one commit up to and with the index in the key
``l`` hash u64  (empty)              the leaf of this hash stands at this index
``t`` u8 u64    hashes               tile of a level; the rightmost one is partial
``i`` digest    hash u64 u64         idempotency key: fingerprint of the content,
                                     index of its first entry, number of entries
``f`` name      u64                  follower: the index that it reads next
==============  ===================  ================================================

Segments, leaf keys, idempotency keys and full tiles are written once. Nothing here is
trusted: whoever holds the store can change it, see `merklelog.storage.interface`.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from merklelog.errors import CorruptStore, NewerFormat
from proofs.errors import MalformedTile
from proofs.tiles import decode_bundle, encode_bundle

FORMAT_VERSION: Final = 1

VERSION_KEY: Final = b"v"
HEAD_KEY: Final = b"h"
READ_ONLY_KEY: Final = b"r"

SEGMENT_LIMIT: Final = 256
"""No segment has more entries than this, or crosses a multiple of it: then a bundle
is a run of whole segments, and reading one entry reads at most a bundle's worth."""

_HASH_SIZE = 32
_TILE_SIZE = 256 * _HASH_SIZE

_U16 = Struct(">H")
_U32 = Struct(">I")
_U64 = Struct(">Q")
_SEGMENT_KEY = Struct(">cQ")
_SEGMENT_HEADER = Struct(">QH")
_TILE_KEY = Struct(">cBQ")
_LEAF_KEY = Struct(f">c{_HASH_SIZE}sQ")
_IDEMPOTENCY = Struct(f">{_HASH_SIZE}sQQ")


# -- v: format version ------------------------------------------------------------


def encode_format_version() -> bytes:
    """Return the value of ``v`` that this release writes."""
    return _U32.pack(FORMAT_VERSION)


def check_format_version(value: bytes | None) -> None:
    """Refuse a store whose ``v`` is *value*, unless this release can read it.

    Raises:
        NewerFormat: written by a release that knows more keys or layouts.
        CorruptStore: no version, or none that was ever written.
    """
    if value is None:
        raise CorruptStore("the store has no format version: it is not a log's")
    version = _unpack(_U32, value, "the format version")[0]
    if version > FORMAT_VERSION:
        raise NewerFormat(
            f"the store has format version {version}, and this release reads up to "
            f"{FORMAT_VERSION}: install the release that wrote it, or a newer one"
        )
    if version != FORMAT_VERSION:
        raise CorruptStore(f"there never was a format version {version}")


# -- e: segments ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring entries of one commit, as they are stored."""

    first_index: int
    logged_at: int
    """Milliseconds since the epoch."""
    count: int
    bundle: bytes
    """The entries, each after its length in a u16 (c2sp.org/tlog-tiles)."""

    def entries(self) -> list[bytes]:
        """Return the entries.

        Raises:
            CorruptStore: the bundle does not hold exactly *count* entries.
        """
        try:
            return decode_bundle(self.bundle, self.count)
        except MalformedTile as error:
            raise CorruptStore(
                f"the segment at index {self.first_index} does not hold "
                f"{self.count} whole entries"
            ) from error


def segment_key(last_index: int) -> bytes:
    """Return the key of the segment whose last entry is at *last_index*.

    The last and not the first: a forward `seek` from the key of any index finds the
    segment that holds it, and LevelDB iterates forward faster than backward.
    """
    return _SEGMENT_KEY.pack(b"e", last_index)


def segment_range(start: int, end: int) -> tuple[bytes, bytes]:
    """Return the key range that holds every segment with entries of [start, end)."""
    beyond = (end - 1) // SEGMENT_LIMIT * SEGMENT_LIMIT + SEGMENT_LIMIT
    return segment_key(start), segment_key(beyond)


def split_segments(
    first_index: int, entries: Sequence[bytes]
) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Cut *entries*, which follow one another from *first_index*, into segments.

    Yields the last index of each, and its entries.
    """
    start, end = first_index, first_index + len(entries)
    while start < end:
        stop = min(end, start // SEGMENT_LIMIT * SEGMENT_LIMIT + SEGMENT_LIMIT)
        yield stop - 1, entries[start - first_index : stop - first_index]
        start = stop


def encode_segment(logged_at: int, entries: Sequence[bytes]) -> bytes:
    """Return the value of a segment. *logged_at* is in milliseconds.

    Raises:
        MalformedTile: an entry is longer than an entry may be.
    """
    return _SEGMENT_HEADER.pack(logged_at, len(entries)) + encode_bundle(entries)


def decode_segment(key: bytes, value: bytes) -> Segment:
    """Return the segment that is stored as *value* under *key*.

    Raises:
        CorruptStore: not the key of a segment, a value that is too short, or a
            number of entries that no segment has that ends there.
    """
    last_index = _unpack_key(_SEGMENT_KEY, key, b"e")[1]
    header = value[: _SEGMENT_HEADER.size]
    logged_at, count = _unpack(_SEGMENT_HEADER, header, "the header of a segment")
    if not 1 <= count <= last_index % SEGMENT_LIMIT + 1:
        raise CorruptStore(f"no segment of {count} entries ends at index {last_index}")
    return Segment(
        last_index + 1 - count, logged_at, count, value[_SEGMENT_HEADER.size :]
    )


# -- l: leaf index ----------------------------------------------------------------


def leaf_key(leaf_hash: bytes, index: int) -> bytes:
    """Return the key that says: the leaf of *leaf_hash* stands at *index*.

    Equal entries have a key each. A `seek` from index 0 finds the lowest.
    """
    return b"l" + leaf_hash + _U64.pack(index)


def leaf_keys(first_index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return the `leaf_key` of each of *leaf_hashes*, which are neighbours."""
    # One for each entry of a commit: spelled out, it takes half the time.
    indexes = map(_U64.pack, range(first_index, first_index + len(leaf_hashes)))
    pairs = zip(leaf_hashes, indexes, strict=True)
    return [b"l" + leaf_hash + index for leaf_hash, index in pairs]


def decode_leaf_key(key: bytes) -> tuple[bytes, int]:
    """Return leaf hash and index.

    Raises:
        CorruptStore: not a key of the leaf index.
    """
    _, leaf_hash, index = _unpack_key(_LEAF_KEY, key, b"l")
    return leaf_hash, index


def index_of_leaf(key: bytes, leaf_hash: bytes) -> int | None:
    """Return the index in *key*; None when it is not a leaf key of *leaf_hash*."""
    prefix = b"l" + leaf_hash
    if len(key) != len(prefix) + _U64.size or not key.startswith(prefix):
        return None
    return int.from_bytes(key[len(prefix) :], "big")


# -- t: tiles ---------------------------------------------------------------------


def tile_key(level: int, index: int) -> bytes:
    """Return the key of a hash tile (c2sp.org/tlog-tiles), whatever its width."""
    return _TILE_KEY.pack(b"t", level, index)


def decode_tile_key(key: bytes) -> tuple[int, int]:
    """Return level and index of a tile.

    Raises:
        CorruptStore: not the key of a tile.
    """
    _, level, index = _unpack_key(_TILE_KEY, key, b"t")
    return level, index


# -- i: idempotency keys ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What was stored under an idempotency key."""

    fingerprint: bytes
    """32 bytes: tells whether a second request has the same content."""
    first_index: int
    count: int


def idempotency_key(digest: bytes) -> bytes:
    """Return the key for a client's idempotency key, given its 32-byte digest."""
    return b"i" + digest


def encode_idempotency(fingerprint: bytes, first_index: int, count: int) -> bytes:
    """Return the value of an idempotency key. *fingerprint* has 32 bytes."""
    return _IDEMPOTENCY.pack(fingerprint, first_index, count)


def decode_idempotency(value: bytes) -> Idempotency:
    """Return what the value of an idempotency key says.

    Raises:
        CorruptStore: not such a value.
    """
    return Idempotency(*_unpack(_IDEMPOTENCY, value, "an idempotency key's value"))


# -- f: followers -----------------------------------------------------------------


def follower_key(name: str) -> bytes:
    """Return the key of the stored place of the follower *name*."""
    return b"f" + name.encode("utf-8")


def encode_next_index(next_index: int) -> bytes:
    """Return the value of a follower that has handled [0, next_index)."""
    return _U64.pack(next_index)


def decode_next_index(value: bytes) -> int:
    """Return the index that a follower reads next.

    Raises:
        CorruptStore: not such a value.
    """
    next_index: int = _unpack(_U64, value, "the place of a follower")[0]
    return next_index


# -- what is written once ---------------------------------------------------------


def rewrites_history(key: bytes, old: bytes, new: bytes | None) -> bool:
    """Tell whether replacing *old* by *new* (None: deleting it) alters the log.

    The rule behind "nothing is rewritten". The memory store checks it at every commit.
    """
    if new == old:
        return False
    match key[:1]:
        case b"e" | b"l" | b"i":
            return True
        case b"t":
            # A partial tile grows at its end; a full one has no room to.
            grows = new is not None and new.startswith(old) and len(new) <= _TILE_SIZE
            return not grows
        case _:
            return False


def _unpack(layout: Struct, value: bytes, what: str) -> tuple[Any, ...]:
    try:
        return layout.unpack(value)
    except struct.error as error:
        raise CorruptStore(
            f"{what} has {len(value)} bytes instead of {layout.size}"
        ) from error


def _unpack_key(layout: Struct, key: bytes, letter: bytes) -> tuple[Any, ...]:
    if len(key) != layout.size or key[:1] != letter:
        raise CorruptStore(f"expected a key of kind {letter!r}, found {key[:48]!r}")
    return layout.unpack(key)
