"""Followers: inside readers of the log, each with its own stored place.

A follower gets every entry once, in order, after it was committed. Its place is
stored after its handler returned, now and then and when it stops: after a crash it may
see some entries again, and never misses one. It can neither slow nor stop the
sequencer, and can be rebuilt under another name.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from merklelog.clock import monotonic
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

# Between two writes of the place, in seconds. Each is a synced commit, and the
# sequencer's wait for it.
_PLACE_INTERVAL = 1.0

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
        on_store_failure: Callable[[], None],
    ) -> None:
        """Follow the log in *store*.

        *wait_for_size* returns the committed size once it is at least its argument.
        *on_store_failure* has a store reopened that failed, if it did.
        """
        self._key = follower_key(name)
        self._name = name
        self._handler = handler
        self._store = store
        self._reader = reader
        self._wait_for_size = wait_for_size
        self._on_store_failure = on_store_failure
        self.next_index = 0
        """The entry that is handled next."""
        # What the store has as the place; None until it was read.
        self._stored: int | None = None

    async def run(self) -> None:
        """Follow the log until cancelled. An error of the handler ends it."""
        try:
            while True:
                try:
                    await self._follow()
                except StorageError as error:
                    logger.warning("follower %s: %s", self._name, error)
                    self._on_store_failure()
                    await asyncio.sleep(_BACK_OFF)
        except Exception:
            # Whoever runs it may not look at its end before the log closes.
            logger.exception("follower %s ends at %d", self._name, self.next_index)
            raise
        finally:
            with suppress(StorageError):
                await self._store_place()

    async def _follow(self) -> None:
        value = await self._store.get(self._key)
        self._stored = self.next_index = (
            0 if value is None else decode_next_index(value)
        )
        due = monotonic() + _PLACE_INTERVAL
        while True:
            size = await self._wait_for_size(self.next_index + 1)
            end = min(size, self.next_index + _PAGE)
            entries = await self._reader.entries(self.next_index, end)
            await self._handler(self.next_index, entries)
            self.next_index = end
            if monotonic() >= due:
                await self._store_place()
                due = monotonic() + _PLACE_INTERVAL

    async def _store_place(self) -> None:
        if self._stored in (None, self.next_index):
            return
        batch = Batch()
        batch.put(self._key, encode_next_index(self.next_index))
        await self._store.commit(batch)
        self._stored = self.next_index
