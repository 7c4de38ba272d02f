"""Followers: inside readers of the log, each with its own stored place.

A follower gets every entry once, in order, after it was committed. Its place is
stored after its handler returned: after a crash it may see some entries again, and
never misses one. It can neither slow nor stop the sequencer, and can be rebuilt by
starting from zero.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from merklelog.errors import StorageError
from merklelog.storage.interface import Batch, Store
from merklelog.storage.keyspace import (
    decode_next_index,
    encode_next_index,
    follower_key,
)

from .reader import Reader

logger = logging.getLogger(__name__)

# How many entries a handler gets at once, at most: bounds memory, at 64 KiB an entry.
_PAGE = 256

# After the store failed, in seconds.
_BACK_OFF = 1.0

Handler = Callable[[int, Sequence[bytes]], Awaitable[None]]
"""Takes the index of the first entry, and the entries that follow one another."""


class Follower:
    """Feeds committed entries to a handler. Owned by the task that runs it."""

    def __init__(
        self,
        name: str,
        handler: Handler,
        *,
        store: Store,
        reader: Reader,
        wait_for_size: Callable[[int], Awaitable[int]],
    ) -> None:
        """*wait_for_size* returns the committed size, once it is at least its argument."""
        self._key = follower_key(name)
        self._name = name
        self._handler = handler
        self._store = store
        self._reader = reader
        self._wait_for_size = wait_for_size
        self.next_index = 0
        """The entry that is handled next."""

    async def run(self) -> None:
        """Follow the log until cancelled. An error of the handler ends it."""
        while True:
            try:
                await self._follow()
            except StorageError as error:
                logger.warning("follower %s waits for the store: %s", self._name, error)
                await asyncio.sleep(_BACK_OFF)

    async def rewind(self) -> None:
        """Start again from zero, as a follower does that is rebuilt."""
        await self._store_place(0)

    async def _follow(self) -> None:
        stored = await self._store.get(self._key)
        self.next_index = 0 if stored is None else decode_next_index(stored)
        while True:
            size = await self._wait_for_size(self.next_index + 1)
            end = min(size, self.next_index + _PAGE)
            entries = await self._reader.entries(self.next_index, end)
            await self._handler(self.next_index, entries)
            await self._store_place(end)

    async def _store_place(self, next_index: int) -> None:
        batch = Batch()
        batch.put(self._key, encode_next_index(next_index))
        await self._store.commit(batch)
        self.next_index = next_index
