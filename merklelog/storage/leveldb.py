"""The store in a LevelDB folder: the embedded default. One process owns it.

LevelDB's own defaults and plyvel's lose data or crash in four ways, each closed here,
once, for everybody:

- plyvel does not sync, and writes half a batch when building it raises: every write is
  ``write_batch(transaction=True, sync=True)``.
- LevelDB drops what it cannot read when it recovers, and calls that success: opened
  with ``paranoid_checks``, and read with ``verify_checksums``.
- Closing while a thread reads crashes the process: `close` and `reopen` drain first.
- It blocks. One thread writes and a bounded number of threads read; the event loop
  never calls plyvel, and the attempt raises AssertionError.

Whoever can write to the folder can change the log: see `merklelog.storage.interface`.
"""

import asyncio
import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from merklelog import durable
from merklelog.errors import (
    Conflict,
    CorruptStore,
    MissingLevelDB,
    MissingStore,
    StorageError,
    StorageFailed,
    StoreHeld,
)
from merklelog.storage.interface import (
    NOTHING_EXPECTED,
    Batch,
    Expected,
    no_progress,
)
from merklelog.storage.writer import WriterThread

try:
    import plyvel
except ImportError as error:  # reported by open(): `merklelog verify` needs no store
    plyvel = None
    _import_error: ImportError | None = error
else:
    _import_error = None

_T = TypeVar("_T")

# Measured on 2 cores with synced commits of 1,000 entries of 200 random characters:
# random leaf keys, segments of 50 KB, tiles. Once a log is larger than a few write
# buffers, LevelDB's one compaction thread limits the rate.
OPTIONS: Final[dict[str, Any]] = {
    # Without it a flipped bit in the write-ahead log loses the commits behind it in
    # silence. With it, a log whose unsynced end a power cut left torn, and not only
    # short, is refused as well: the folder has then to be repaired by hand.
    "paranoid_checks": True,
    # Of 4 and 16 MB, at 10^6 entries: 220,000 and 400,000 entries/s. 32 MB is a
    # tenth faster, but two buffers and up to 12 mapped files of its size are resident.
    "write_buffer_size": 16 << 20,
    # 8 MB saved a tenth of the compaction's time over 3. But an open file is mapped,
    # and can be resident as a whole.
    "max_file_size": 3 << 20,
    # The fewest that LevelDB takes, 64 of them tables: bounds what is mapped, so that
    # memory does not grow with the log. At 1,000: 500 MB resident after random reads.
    "max_open_files": 74,
    # Looking for what is absent, as most idempotency keys are: 13 us instead of 33.
    "bloom_filter_bits": 10,
    # Hashes do not compress, and Snappy's time is the compaction's: with buffers of
    # 32 MB, 266,000 entries/s in the third million without it and 147,000 with. On
    # JSON entries it would have more than halved the disk use.
    "compression": None,
}

_COPY_BYTES = 4 << 20
"""How much `copy_to` holds in memory, and writes at once."""


class LevelDBStore:
    """A `Store` in a LevelDB folder. Made by `open`."""

    def __init__(self, path: Path, reader_threads: int) -> None:
        self._path = path
        self._reader_threads = reader_threads
        self._writer = WriterThread("leveldb-writer")
        self._loop = asyncio.get_running_loop()
        # Owned by the event loop.
        self._closed = False
        self._released: asyncio.Future[None]  # set by close
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Why nothing works until the store is reopened. Set by the writer thread when
        # a commit failed and by the loop when reopening; cleared by the writer thread.
        self._refusal: str | None = None
        # Replaced by the writer thread, while nobody reads.
        self._db: Any = None
        self._readers: ThreadPoolExecutor
        # A thread of its own, so that a backup does not take one from the readers.
        self._copier: ThreadPoolExecutor

    @classmethod
    async def open(
        cls, path: Path, *, create: bool = False, reader_threads: int = 4
    ) -> Self:
        """Open the store in the folder *path*; *create* it when there is none.

        Raises:
            MissingStore: there is none, and *create* is false; or there was one, and
                files of it are gone.
            StoreHeld: another process has it open.
            CorruptStore: a checksum is wrong.
            MissingLevelDB: plyvel cannot be imported.
            StorageError: anything else, for example no permission.
        """
        store = cls(path, reader_threads)
        try:
            await store._writer.do(partial(store._open, create=create))
        except BaseException:
            await store.close()
            raise
        return store

    # -- reading --------------------------------------------------------------------

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, or None."""
        return await self._read(partial(self._get, key))

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of *keys*, in their order, as of one instant."""
        return await self._read(partial(self._get_many, keys))

    async def scan(
        self, start: bytes, end: bytes, *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return the first *limit* pairs with start <= key < end, ascending."""
        return await self._read(partial(self._scan, start, end, limit))

    async def seek(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the pair with the lowest key that is at or after *key*, or None."""
        found = await self._read(partial(self._scan, key, None, 1))
        return found[0] if found else None

    # -- writing --------------------------------------------------------------------

    async def commit(
        self, batch: Batch, *, expect: Expected = NOTHING_EXPECTED
    ) -> None:
        """Apply *batch*, all or nothing, and make it durable.

        Raises:
            Conflict: an expected value differs; nothing was written.
            StorageFailed: the outcome is unknown until the store is reopened.
        """
        self._check_in_service()
        await self._writer.do(partial(self._commit, batch, expect))

    @contextlib.asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Hold the lock *name*.

        LevelDB's file lock keeps other processes out, so tasks remain.
        """
        async with self._locks[name]:
            yield

    async def reopen(self) -> None:
        """Drop the handle and open the store again.

        Raises:
            StorageError: it cannot be opened; call again later.
        """
        if self._closed:
            raise StorageFailed("the store is closed")
        self._refusal = "it is being reopened"
        await self._writer.do(self._reopen)

    async def copy_to(
        self, path: Path, progress: Callable[[int], None] = no_progress
    ) -> None:
        """Copy the store, as of one instant, into a new folder, durably.

        Raises:
            StorageError: *path* is not empty, or copying failed.
        """
        self._check_in_service()
        abandoned = threading.Event()
        copy = partial(self._copy, path, progress, abandoned)
        try:
            await self._loop.run_in_executor(self._copier, copy)
        finally:
            abandoned.set()

    async def close(self) -> None:
        """Take no more work, finish what is under way, and release the folder."""
        if not self._closed:
            self._closed = True
            self._released = self._writer.do(self._release)
            self._writer.stop()
        # Shielded: who gives up waiting must not keep others from it.
        await asyncio.shield(self._released)

    # -- between the loop and the threads -------------------------------------------

    def _check_in_service(self) -> None:
        if self._closed:
            raise StorageFailed("the store is closed")
        if self._refusal is not None:
            raise StorageFailed(f"the store is out of service: {self._refusal}")

    async def _read(self, job: Callable[[], _T]) -> _T:
        self._check_in_service()
        return await self._loop.run_in_executor(self._readers, job)

    # -- on the writer thread -------------------------------------------------------

    def _open(self, *, create: bool) -> None:
        self._db = _open_folder(self._path, create=create)
        self._readers = ThreadPoolExecutor(self._reader_threads, "leveldb-reader")
        self._copier = ThreadPoolExecutor(1, "leveldb-copier")

    def _release(self) -> None:
        if self._db is not None:
            # Waits for what these threads are doing: closing under them crashes.
            self._readers.shutdown()
            self._copier.shutdown()
            self._db.close()
            self._db = None

    def _reopen(self) -> None:
        try:
            self._release()
            self._open(create=False)
        except Exception as error:
            self._refusal = f"it could not be reopened: {error}"
            raise
        self._refusal = None

    def _commit(self, batch: Batch, expect: Expected) -> None:
        if self._refusal is not None:  # the commit before this one failed
            raise StorageFailed(f"the store is out of service: {self._refusal}")
        try:
            with _translated(self._path):
                self._apply(batch, expect)
        except Conflict:
            raise
        except Exception as error:
            self._refusal = f"a commit failed: {error}"
            raise StorageFailed(
                f"the commit failed, and whether it is stored is unknown: {error}"
            ) from error

    def _apply(self, batch: Batch, expect: Expected) -> None:
        db = self._database()
        for key, value in expect.items():
            if db.get(key, verify_checksums=True) != value:
                raise Conflict(f"the value of {key!r} is not the expected one")
        with db.write_batch(transaction=True, sync=True) as writes:
            put, delete = writes.put, writes.delete
            for key, value in batch.operations:
                if value is None:
                    delete(key)
                else:
                    put(key, value)

    # -- on the reader threads ------------------------------------------------------

    def _database(self) -> Any:  # noqa: ANN401 - plyvel has no types
        """Return plyvel's handle: the one way to it, closed to the event loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._db
        raise AssertionError("LevelDB called on the event loop: it would block it")

    def _get(self, key: bytes) -> bytes | None:
        with _translated(self._path):
            value: bytes | None = self._database().get(key, verify_checksums=True)
            return value

    def _get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        with _translated(self._path), self._database().snapshot() as snapshot:
            return [snapshot.get(key, verify_checksums=True) for key in keys]

    def _scan(
        self, start: bytes, end: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        with (
            _translated(self._path),
            self._database().iterator(
                start=start, stop=end, verify_checksums=True
            ) as pairs,
        ):
            return list(islice(pairs, limit))

    # -- on the copier's thread -----------------------------------------------------

    def _copy(
        self, path: Path, progress: Callable[[int], None], abandoned: threading.Event
    ) -> None:
        with _translated(path):
            if path.exists() and any(path.iterdir()):
                raise StorageError(f"{path} is not empty: copy into a new folder")
        target = _open_folder(path, create=True)
        with (
            contextlib.closing(target),
            _translated(self._path),
            self._database().iterator(verify_checksums=True, fill_cache=False) as pairs,
        ):
            keys = 0
            for piece in _pieces(pairs):
                self._check_in_service()
                if abandoned.is_set():
                    raise StorageFailed("the copy was cancelled")
                with target.write_batch(transaction=True, sync=True) as writes:
                    for key, value in piece:
                        writes.put(key, value)
                keys += len(piece)
                self._loop.call_soon_threadsafe(progress, keys)
        _sync_folder(path)


def _open_folder(path: Path, *, create: bool) -> Any:  # noqa: ANN401 - no types
    """Return plyvel's handle of the folder *path*."""
    if plyvel is None:
        raise MissingLevelDB(
            "LevelDB's Python binding, plyvel, cannot be imported. It has wheels for "
            "CPython 3.11 and 3.12; elsewhere `pip install plyvel` builds it, which "
            "needs LevelDB's headers (libleveldb-dev) and a C++ compiler"
        ) from _import_error
    with _translated(path):
        _check_folder(path, create=create)
        if create:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        db = plyvel.DB(os.fspath(path), create_if_missing=create, **OPTIONS)
        if create:
            _sync_folder(path)
        return db


def _check_folder(path: Path, *, create: bool) -> None:
    """Refuse to let LevelDB create a store where one is expected, or was.

    It would even without ``create_if_missing`` leave a folder behind, and with it
    start an empty store beside the data of one that lost its CURRENT file.
    """
    if (path / "CURRENT").exists():
        return
    if not create:
        raise MissingStore(f"there is no store in {path}")
    if any(path.glob("*.ldb")) or any(path.glob("*.log")):
        raise MissingStore(
            f"{path} holds files of a store, but not its CURRENT file: "
            "restore the folder from a backup"
        )


def _sync_folder(path: Path) -> None:
    """Make the files of *path*, and its own name in its parent, survive a power cut."""
    durable.sync_below(path)
    durable.sync(path.parent)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Raise what plyvel and the file system raise as a `StorageError`."""
    try:
        yield
    except plyvel.CorruptionError as error:
        raise CorruptStore(f"{path}: {_text_of(error)}") from error
    except (plyvel.Error, OSError) as error:
        text = _text_of(error)
        # "lock …/LOCK: Resource temporarily unavailable", and within one process
        # "… already held by process". LevelDB gives no better sign.
        if text.startswith("IO error: lock "):
            raise StoreHeld(
                f"{path} is held by another process; is a server running?"
            ) from error
        raise StorageError(f"{path}: {text}") from error


def _text_of(error: Exception) -> str:
    """Return the message of *error*: plyvel's are bytes."""
    message = error.args[0] if len(error.args) == 1 else str(error)
    return message.decode(errors="replace") if isinstance(message, bytes) else message


def _pieces(
    pairs: Iterator[tuple[bytes, bytes]],
) -> Iterator[list[tuple[bytes, bytes]]]:
    """Cut *pairs* into lists of about `_COPY_BYTES`."""
    piece: list[tuple[bytes, bytes]] = []
    size = 0
    for pair in pairs:
        piece.append(pair)
        size += len(pair[0]) + len(pair[1])
        if size >= _COPY_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
