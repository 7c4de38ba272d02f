"""The store of a log as something that fsck can check."""

from collections.abc import Sequence

from merklelog.errors import CorruptStore, NotFound
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import HEAD_KEY, leaf_key
from proofs.tiles import Bundle, Tile

from .fsck import Absent
from .reader import Reader


class StoreSource:
    """Reads one store, below the log that may have it open."""

    def __init__(self, store: Store, origin: str) -> None:
        self._store = store
        self._reader = Reader(store, origin)

    async def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""
        note = await self._store.get(HEAD_KEY)
        if note is None:
            raise Absent("the store has no checkpoint")
        return note

    async def tile(self, tile: Tile) -> bytes:
        """Return the tile, cut to the width asked for."""
        try:
            return await self._reader.tile(tile)
        except NotFound as error:
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
        values = await self._store.get_many(keys)
        return [index for index, value in enumerate(values, start) if value is None]
