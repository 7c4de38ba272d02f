"""The store of a log as something that fsck can check."""

from collections.abc import AsyncIterator, Sequence

from merklelog.errors import CorruptStore, NotFound
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import (
    HEAD_KEY,
    decode_leaf_key,
    decode_segment,
    decode_tile_key,
    leaf_key,
    segment_key,
    tile_key,
)
from proofs.hashing import HASH_SIZE
from proofs.tiles import TILE_WIDTH, Bundle, Tile, tile_width

from .fsck import Absent, Fault
from .reader import Reader

# How many keys are read at once, by the size of their values: bounds memory.
_SEGMENTS, _TILES, _LEAF_KEYS = 4, 256, 4096


class StoreSource:
    """Reads one store, below the log that may have it open. For one run of fsck."""

    def __init__(self, store: Store, origin: str) -> None:
        self._store = store
        self._reader = Reader(store, origin)
        # Leaf keys that were looked up and were not there.
        self._missing_leaf_keys = 0

    async def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""
        try:
            note = await self._store.get(HEAD_KEY)
        except CorruptStore as error:
            raise Absent(str(error)) from error
        if note is None:
            raise Absent("the store has no checkpoint")
        return note

    async def tile(self, tile: Tile) -> bytes:
        """Return the tile, cut to the width asked for."""
        try:
            return await self._reader.tile(tile)
        except (NotFound, CorruptStore) as error:
            raise Absent(str(error)) from error

    async def bundle(self, bundle: Bundle) -> bytes:
        """Return the entry bundle."""
        try:
            return await self._reader.bundle(bundle)
        except CorruptStore as error:
            raise Absent(str(error)) from error

    async def index_faults(self, start: int, leaf_hashes: Sequence[bytes]) -> list[int]:
        """Return the indexes without a key in the leaf index."""
        keys = [leaf_key(leaf, index) for index, leaf in enumerate(leaf_hashes, start)]
        try:
            values = await self._store.get_many(keys)
        except CorruptStore:  # At least one of them: find out which.
            values = [await self._value_or_none(key) for key in keys]
        missing = [index for index, value in enumerate(values, start) if value is None]
        self._missing_leaf_keys += len(missing)
        return missing

    async def _value_or_none(self, key: bytes) -> bytes | None:
        try:
            return await self._store.get(key)
        except CorruptStore:
            return None

    async def strays(self, size: int) -> list[Fault]:
        """Return the entries, tiles and leaf keys that the tree does not explain."""
        faults: list[Fault] = []
        for check in (self._segments_beyond, self._tiles_beyond, self._leaf_keys):
            try:
                faults += await check(size)
            except CorruptStore as error:
                faults.append(Fault(0, max(1, size), f"what is stored: {error}"))
        return faults

    async def _segments_beyond(self, size: int) -> list[Fault]:
        end = size
        async for key, value in self._pages(segment_key(size), b"f", _SEGMENTS):
            segment = decode_segment(key, value)
            end = max(end, segment.first_index + segment.count)
        return _beyond(size, end, "entries")

    async def _tiles_beyond(self, size: int) -> list[Fault]:
        end = size
        async for key, value in self._pages(b"t", b"u", _TILES):
            level, index = decode_tile_key(key)
            width = -(-len(value) // HASH_SIZE) or 1
            if width > tile_width(level, index, size):
                end = max(end, (index * TILE_WIDTH + width) * TILE_WIDTH**level)
        return _beyond(size, end, "hashes in tiles")

    async def _leaf_keys(self, size: int) -> list[Fault]:
        """Compare the leaf index with the leaves, the other way round.

        If none is missing and there are as many as leaves, none is additional. Only
        otherwise each is compared with its leaf, which takes a tile for each.
        """
        end, below = size, 0
        async for key, _ in self._pages(b"l", b"m", _LEAF_KEYS):
            _, index = decode_leaf_key(key)
            end = max(end, index + 1)
            below += index < size
        faults = _beyond(size, end, "keys of the leaf index")
        if below != size - self._missing_leaf_keys:
            faults += await self._wrong_leaf_keys(size)
        return faults

    async def _wrong_leaf_keys(self, size: int) -> list[Fault]:
        faults: list[Fault] = []
        async for key, _ in self._pages(b"l", b"m", _LEAF_KEYS):
            leaf_hash, index = decode_leaf_key(key)
            tile = await self._store.get(tile_key(0, index // TILE_WIDTH)) or b""
            start = index % TILE_WIDTH * HASH_SIZE
            if index < size and tile[start : start + HASH_SIZE] != leaf_hash:
                what = f"the leaf index finds it under the hash {leaf_hash.hex()}"
                faults.append(Fault(index, index + 1, what))
        return faults

    async def _pages(
        self, start: bytes, end: bytes, limit: int
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """Yield the pairs with start <= key < end, *limit* of them in memory."""
        while pairs := await self._store.scan(start, end, limit=limit):
            for pair in pairs:
                yield pair
            start = pairs[-1][0] + b"\x00"


def _beyond(size: int, end: int, what: str) -> list[Fault]:
    if end == size:
        return []
    return [Fault(size, end, f"there are {what} beyond the signed size")]
