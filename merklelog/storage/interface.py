"""What the log asks of a store: an ordered map of bytes with atomic, durable commits.

The store knows no tree, no event and no HTTP. It is trusted for availability and for
order, not for integrity: whoever holds it can alter it, and then fsck, clients and
witnesses find out.

The contract, which ``tests/storage/test_contract.py`` checks of every implementation:

- Keys and values are bytes. Keys are ordered as bytes are. A value may be empty, a key
  may not. A missing key reads as None, and is never an error.
- A store belongs to the event loop that opened it. Any number of its tasks may use it
  at once. No method blocks the loop.
- A read sees every commit that had returned when the read was called. A read of
  several keys sees each commit whole or not at all.
- Commits are applied one after the other, in the order in which they were called.
- When `commit` returns, the batch is on disk: it survives ``kill -9`` and a power cut.
- When `commit` raises `Conflict`, nothing was written, and the store goes on.
  When it raises anything else the batch is stored wholly or not at all, and nobody
  knows which: from then on every method but `reopen` and `close` raises
  `StorageFailed`, until `reopen` has returned. One that is cancelled may still happen.
- After `close` every method raises `StorageFailed`, except `close`.
- Every failure is a `StorageError` with its cause chained.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

Expected = Mapping[bytes, bytes | None]
"""The values that keys must have for a commit to happen; None: must be absent."""

NOTHING_EXPECTED: Expected = MappingProxyType({})


class Batch:
    """The puts and deletes of one commit, applied in their order.

    Belongs to its builder until it is committed, and to the store from then on.
    """

    __slots__ = ("operations",)

    def __init__(self) -> None:
        self.operations: list[tuple[bytes, bytes | None]] = []
        """Key and value; None deletes."""

    def put(self, key: bytes, value: bytes) -> None:
        """Store *value* under *key*, whether or not there is one already."""
        self.operations.append((key, value))

    def put_keys(self, keys: Sequence[bytes]) -> None:
        """Store an empty value under each of *keys*."""
        self.operations += zip(keys, repeat(b""))

    def delete(self, key: bytes) -> None:
        """Remove *key*. Removing what is absent is not an error."""
        self.operations.append((key, None))


class Store(Protocol):
    """An ordered key-value store. The module docstring is its contract."""

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, or None."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of *keys*, in their order, as of one instant."""

    async def scan(
        self, start: bytes, end: bytes, *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return the first *limit* pairs with start <= key < end, ascending."""

    async def seek(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the pair with the lowest key that is at or after *key*, or None."""

    async def commit(self, batch: Batch, *, expect: Expected = ...) -> None:
        """Apply *batch*, all or nothing, and make it durable.

        *expect* is compared with what is stored, in the same step.

        Raises:
            Conflict: an expected value differs; nothing was written.
            StorageFailed: the outcome is unknown until the store is reopened.
        """

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the lock *name*, which one task in the world holds at a time.

        Waits for its turn. Not reentrant.
        """

    async def reopen(self) -> None:
        """Drop the handle and open the store again, after what is under way.

        What is stored then is the truth: a commit that failed is there or it is not.

        Raises:
            StorageError: it cannot be opened; call again later.
        """

    async def copy_to(self, path: Path, progress: Callable[[int], None] = ...) -> None:
        """Copy the store, as of one instant, into a new store at *path*, durably.

        Reads and commits go on meanwhile. *progress* is called on the event loop,
        with the number of keys copied so far. A copy that failed has to be deleted.

        Raises:
            StorageError: *path* holds something already, or copying failed.
        """

    async def close(self) -> None:
        """Take no more work, finish what is under way, and release the store."""


def no_progress(_keys: int) -> None:
    """Tell nobody."""
