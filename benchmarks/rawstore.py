"""The baseline of every append: plyvel alone, one put an entry, synced.

No tree, no signature, no index, and nothing that could be proven. The store has the
log's own LevelDB options.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import plyvel

from benchmarks.entries import batches
from benchmarks.samples import Timings
from merklelog.storage.leveldb import OPTIONS


class RawStore:
    """A LevelDB folder that entries are put into."""

    def __init__(self, folder: Path, *, random_keys: bool = False) -> None:
        """Open it. Keys are ascending numbers, or 32 *random* bytes as hashes are."""
        self._db = plyvel.DB(os.fspath(folder), create_if_missing=True, **OPTIONS)
        self._random = random_keys
        self._numbers = count()

    def put(self, entries: Sequence[bytes]) -> float:
        """Write *entries* in one synced batch; return the seconds that it took."""
        pairs = [(self._key(), entry) for entry in entries]
        started = time.perf_counter()
        with self._db.write_batch(transaction=True, sync=True) as batch:
            put = batch.put
            for key, value in pairs:
                put(key, value)
        return time.perf_counter() - started

    def put_one(self, entry: bytes) -> float:
        """Write one entry with a synced put; return the seconds that it took."""
        key = self._key()
        started = time.perf_counter()
        self._db.put(key, entry, sync=True)
        return time.perf_counter() - started

    def _key(self) -> bytes:
        return (
            os.urandom(32) if self._random else next(self._numbers).to_bytes(8, "big")
        )

    def close(self) -> None:
        """Close the folder."""
        self._db.close()


@contextmanager
def raw_store(folder: Path, *, random_keys: bool = False) -> Iterator[RawStore]:
    """Give a store in the new folder *folder*; the caller removes it."""
    store = RawStore(folder, random_keys=random_keys)
    try:
        yield store
    finally:
        store.close()


def measure_puts(store: RawStore, batch_size: int, seconds: float) -> Timings:
    """Put batches of *batch_size* for *seconds*, and time each."""
    durations = []
    end = time.perf_counter() + seconds
    for entries in batches(batch_size):
        durations.append(store.put(entries))
        if time.perf_counter() >= end:
            break
    return Timings(durations)


def measure_single_puts(store: RawStore, seconds: float) -> Timings:
    """Put one entry at a time for *seconds*, and time each."""
    durations = []
    end = time.perf_counter() + seconds
    for (entry,) in batches(1):
        durations.append(store.put_one(entry))
        if time.perf_counter() >= end:
            break
    return Timings(durations)
