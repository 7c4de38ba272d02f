"""A store in memory, for tests: it injects faults, and it is an oracle.

The contract of LevelDB's store, checked by the same tests, and three things more:

- *Faults.* `fail_next_commit` makes one commit fail, either without or with its batch
  being stored: whoever writes has to be right in both cases. `break_disk` makes every
  commit and every `reopen` fail until `mend_disk`.
- *Time.* `hold_commits` stops commits on their way to the disk until
  `release_commits`, and `restarted` is what a process finds that starts after this one
  was killed.
- *Oracle.* A commit that would alter the history of a log, by the rule of `keyspace`,
  raises AssertionError: no test that runs on this store can miss it.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from merklelog.errors import Conflict, StorageError, StorageFailed
from merklelog.storage.interface import (
    NOTHING_EXPECTED,
    Batch,
    Expected,
    no_progress,
)
from merklelog.storage.keyspace import rewrites_history


class MemoryStore:
    """A `Store` whose contents live as long as the object."""

    def __init__(self) -> None:
        # All of it is owned by the event loop, and changes only between awaits.
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []  # those of _values, ascending
        self._failed = False  # from a commit that failed to the next reopen
        self._closed = False
        self._faults: deque[bool] = deque()  # for the next commits: is it stored?
        self._disk_is_broken = False
        self._writer = asyncio.Lock()  # held by the one commit that is on its way
        self._released = asyncio.Event()  # clear while commits are held
        self._released.set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.commits = 0
        """How many commits have been stored. Read by tests."""
        self.copies: dict[Path, MemoryStore] = {}
        """What `copy_to` has made, by path. Read by tests."""

    # -- the contract ---------------------------------------------------------------

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, or None."""
        self._check_in_service()
        return self._values.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of *keys*, in their order."""
        self._check_in_service()
        return [self._values.get(key) for key in keys]

    async def scan(
        self, start: bytes, end: bytes, *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return the first *limit* pairs with start <= key < end, ascending."""
        self._check_in_service()
        first, beyond = bisect_left(self._keys, start), bisect_left(self._keys, end)
        keys = self._keys[first : min(beyond, first + limit)]
        return [(key, self._values[key]) for key in keys]

    async def seek(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the pair with the lowest key that is at or after *key*, or None."""
        self._check_in_service()
        place = bisect_left(self._keys, key)
        if place == len(self._keys):
            return None
        found = self._keys[place]
        return found, self._values[found]

    async def commit(
        self, batch: Batch, *, expect: Expected = NOTHING_EXPECTED
    ) -> None:
        """Apply *batch*, all or nothing.

        Raises:
            Conflict: an expected value differs; nothing was stored.
            StorageFailed: an injected fault, or the store is out of service.
            AssertionError: the batch rewrites history.
        """
        self._check_in_service()
        async with self._writer:
            await self._released.wait()
            self._check_not_failed()  # the commit before this one may have
            for key, value in expect.items():
                if self._values.get(key) != value:
                    raise Conflict(f"the value of {key!r} is not the expected one")
            fails = self._disk_is_broken or bool(self._faults)
            stored = not fails or (not self._disk_is_broken and self._faults.popleft())
            if stored:
                self._apply(batch)
            if fails:
                self._failed = True
                raise StorageFailed(
                    "the commit failed, whether it is stored is unknown"
                ) from OSError("injected")

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Hold the lock *name*, which one task holds at a time."""
        async with self._locks[name]:
            yield

    async def reopen(self) -> None:
        """Go back into service with what is stored.

        Raises:
            StorageError: the disk is still broken, or the store is closed.
        """
        if self._closed:
            raise StorageFailed("the store is closed")
        async with self._writer:
            if self._disk_is_broken:
                raise StorageError("cannot open the store") from OSError("injected")
            self._failed = False

    async def copy_to(
        self, path: Path, progress: Callable[[int], None] = no_progress
    ) -> None:
        """Copy the store into a new one, which is then in `copies`.

        Raises:
            StorageError: there is a copy at *path* already.
        """
        self._check_in_service()
        if path in self.copies:
            raise StorageError(f"{path} is not empty: copy into a new folder")
        self.copies[path] = self.restarted()
        progress(len(self._keys))

    async def close(self) -> None:
        """Take no more work, and finish the commits that are on their way."""
        self._closed = True
        async with self._writer:
            pass

    # -- for tests ------------------------------------------------------------------

    def fail_next_commit(self, *, persisted: bool = False) -> None:
        """Make one more of the next commits fail; *persisted*: after storing it."""
        self._faults.append(persisted)

    def break_disk(self) -> None:
        """Make every commit and every `reopen` fail, until `mend_disk`."""
        self._disk_is_broken = True

    def mend_disk(self) -> None:
        """Let commits and `reopen` succeed again."""
        self._disk_is_broken = False

    def hold_commits(self) -> None:
        """Let commits wait, before anything is stored, until `release_commits`."""
        self._released.clear()

    def release_commits(self) -> None:
        """Let held and later commits go on."""
        self._released.set()

    def restarted(self) -> "MemoryStore":
        """Return a new store with what this one has stored by now."""
        store = MemoryStore()
        store._values = dict(self._values)
        store._keys = list(self._keys)
        return store

    # -- inside ---------------------------------------------------------------------

    def _check_in_service(self) -> None:
        if self._closed:
            raise StorageFailed("the store is closed")
        self._check_not_failed()

    def _check_not_failed(self) -> None:
        if self._failed:
            raise StorageFailed("a commit failed, and the store was not reopened since")

    def _apply(self, batch: Batch) -> None:
        changes: dict[bytes, bytes | None] = {}
        for key, value in batch.operations:
            old = changes[key] if key in changes else self._values.get(key)
            if old is not None and rewrites_history(key, old, value):
                raise AssertionError(f"a commit rewrites history at {key!r}")
            changes[key] = value
        added = [key for key in changes if key not in self._values]
        for key, value in changes.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._keys.extend(added)
        if None in changes.values():
            self._keys = [key for key in self._keys if key in self._values]
        self._keys.sort()
        self.commits += 1
