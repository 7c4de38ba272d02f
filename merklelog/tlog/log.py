"""A log: the one object that submitting, reading and following go through.

::

    async with Log.open("audit-log", origin="example.com/audit") as log:
        receipts = await log.add([b"first entry", b"second entry"])

What `add` returns is durable, in the tree, and under a signed checkpoint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal

from merklelog.clock import now_ms
from merklelog.errors import (
    FatalError,
    LogReadOnly,
    StorageFailed,
)
from merklelog.metrics import LogMetrics, Metrics
from merklelog.storage.interface import Store

from .commitment import Commitment, Replay
from .entries import check_entries
from .folder import LogFolder
from .follower import Follower, Handler
from .guard import check_guard, read_guard, write_guard
from .head import Head
from .idempotency import PendingKeys, idempotency_record
from .keys import LogKeys
from .pool import IdempotencyRecord, Pool, Submission, weight_of
from .publish import Publisher
from .reader import Reader
from .sequencer import Sequencer
from .state import State, load_state

logger = logging.getLogger(__name__)

# The guard may lag behind what was released by this much, in seconds.
_GUARD_INTERVAL = 1.0

DEFAULT_POOL_BYTES = 64 << 20

LogState = Literal["serving", "recovering", "read_only"]


class Log:
    """An open log. Belongs to the event loop that opened it."""

    def __init__(
        self,
        folder: LogFolder,
        store: Store,
        keys: LogKeys,
        state: State,
        *,
        guarded: bool,
        pool_bytes: int,
        metrics: LogMetrics,
    ) -> None:
        """Not to be called: `Log.open` checks what has to hold first."""
        self.folder = folder
        self.config = folder.config
        self.keys = keys
        self.metrics = metrics
        self.reader = Reader(store, self.origin)
        self.store = store
        self._loop = asyncio.get_running_loop()
        self._pending = PendingKeys(store, limit=pool_bytes)
        # Replaced at each commit, so that everybody who waits on it is woken.
        self._growth = asyncio.Event()
        # Whether the guard file follows this log, see `check_guard`.
        self._guarded = guarded
        self._unguarded = asyncio.Event()
        # Written by the guard's task.
        self.guard_problem: str | None = None
        """What keeps the rollback guard from following the log; None if nothing."""
        pool = Pool(pool_bytes)
        self._sequencer = Sequencer(
            store=store,
            keys=keys,
            origin=self.origin,
            state=state,
            pool=pool,
            on_commit=self._committed,
            metrics=metrics,
        )
        self._publisher = Publisher(
            state.head,
            interval=self.config.checkpoint.interval,
            republish=self.config.checkpoint.republish,
            resign=self._sequencer.resign,
        )
        metrics.pool_bytes.set_function(lambda: pool.weight)
        metrics.tree_size.set_function(lambda: self.head.size)
        metrics.checkpoint_age.set_function(
            lambda: (now_ms() - self.published.timestamp) / 1000
        )
        self.opened_head = state.head
        """The head whose edge was checked against its signature when opening."""
        self.opened_at = now_ms()
        # Set once, when the log starts to close.
        self._closing = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | Path,
        *,
        origin: str | None = None,
        pool_bytes: int = DEFAULT_POOL_BYTES,
        reader_threads: int = 4,
        metrics: LogMetrics | None = None,
    ) -> AsyncIterator["Log"]:
        """Open the log in the folder *path*; with *origin*, create it when absent.

        *pool_bytes* bounds the memory of what waits to be committed.

        Raises:
            ConfigError: no log there, of another origin, or its files are wrong.
            StoreHeld: another process has it open.
            FatalError: it does not match what was released, see `tlog.guard`.
            StorageError: it cannot be read.
        """
        folder = await LogFolder.open_or_create(Path(path), origin=origin)
        keys = LogKeys.load(folder.path, folder.config.origin)
        store = await folder.open_store(reader_threads=reader_threads)
        try:
            async with cls.on_store(
                store, folder, keys, pool_bytes=pool_bytes, metrics=metrics
            ) as log:
                yield log
        finally:
            await store.close()

    @classmethod
    @asynccontextmanager
    async def on_store(
        cls,
        store: Store,
        folder: LogFolder,
        keys: LogKeys,
        *,
        pool_bytes: int = DEFAULT_POOL_BYTES,
        metrics: LogMetrics | None = None,
    ) -> AsyncIterator["Log"]:
        """Run the log that *store* holds. *folder* says its origin and its guard.

        Raises:
            FatalError, StorageError: as `open` does.
        """
        async with store.exclusive("writer"):
            state = await load_state(store, keys.verifiers, folder.config.origin)
            guard = read_guard(folder.guard, keys.verifiers, folder.config.origin)
            guarded = await check_guard(folder.guard, guard, state, store)
            log = cls(
                folder,
                store,
                keys,
                state,
                guarded=guarded,
                pool_bytes=pool_bytes,
                metrics=metrics or Metrics().for_log(folder.name),
            )
            async with log._running():
                yield log

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Run the log's tasks for the length of the block; drain before it ends."""
        sequencing = asyncio.create_task(self._sequencer.run(), name="sequencer")
        guarding = asyncio.create_task(self._keep_guard(), name="rollback guard")
        self._unguarded.set()
        try:
            yield
        finally:
            self._closing.set()
            self._sequencer.stop()
            try:
                await sequencing
            finally:
                self._publisher.close()
                # Not cancelled: its thread would go on writing beside the last write.
                self._unguarded.set()
                await guarding
                await self._write_guard()
                self._growth.set()

    @property
    def name(self) -> str:
        """The log's short name: that of its folder."""
        return self.folder.name

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        return self.config.origin

    @property
    def head(self) -> Head:
        """The newest signed head. All of it is durable."""
        return self._sequencer.head

    @property
    def published(self) -> Head:
        """The head that is the public checkpoint."""
        return self._publisher.published

    @property
    def state(self) -> LogState:
        """Whether the log takes entries now."""
        if self._sequencer.recovering:
            return "recovering"
        return "serving" if self._sequencer.read_only is None else "read_only"

    @property
    def read_only(self) -> str | None:
        """Why the log is frozen; None while it is not."""
        return self._sequencer.read_only

    def submit(
        self, entries: Sequence[bytes], *, idempotency: IdempotencyRecord | None = None
    ) -> "asyncio.Future[Commitment]":
        """Put *entries* into the pool, all or none; the future tells their outcome.

        Raises:
            MalformedEntry: no entries, or an empty one.
            EntryTooLarge: one has more than 65,535 bytes.
            LogReadOnly: the log is frozen.
            PoolFull: too much is waiting already.
            StorageFailed: the store is out of service. (From the future: the outcome
                is unknown. From this call: nothing was taken.)
        """
        entries = _taken_over(entries)
        if (reason := self._sequencer.read_only) is not None:
            raise LogReadOnly(f"the log is read-only: {reason}")
        leaf_hashes = [sha256(b"\x00" + entry).digest() for entry in entries]
        done: asyncio.Future[Commitment] = self._loop.create_future()
        self._sequencer.submit(Submission(entries, leaf_hashes, done, idempotency))
        return done

    async def submit_once(
        self, entries: Sequence[bytes], *, key: str, writer: str = ""
    ) -> Commitment | Replay:
        """Submit *entries* unless *writer* has used *key* for them before.

        Raises:
            IdempotencyConflict: the key was used for other content.
            RequestError, StorageFailed: as `submit` does.
        """
        entries = _taken_over(entries)
        record = idempotency_record(writer, key, entries)
        weight = weight_of(entries)
        async with self._pending.claim(record.digest, weight=weight) as claim:
            if replay := await self._pending.find(record):
                return self._insist_in_tree(replay)
            done = self.submit(entries, idempotency=record)
            claim.hand_over(done)
        # Shielded: cancelling *done* with the request would end the claim before it
        # is known whether the key is stored.
        return await asyncio.shield(done)

    def _insist_in_tree(self, replay: Replay) -> Replay:
        """Return *replay*, unless the store shows more than the head that is signed.

        So it does while the log recovers, after a commit that failed and is stored.
        """
        if replay.first_index + replay.count > self.head.size:
            raise StorageFailed("the log is not back in service; nothing was taken")
        return replay

    async def add(self, entries: Sequence[bytes]) -> Commitment:
        """Append *entries*, all or none, and return the sequence of their receipts.

        Raises:
            RequestError, StorageFailed: as `submit` does.
        """
        return await self.submit(entries)

    async def wait_for_size(self, size: int) -> int:
        """Return the size of the log once it is at least *size*.

        Raises:
            FatalError: the log closed before.
        """
        while self.head.size < size:
            if self._closing.is_set():
                raise FatalError(f"the log closed at size {self.head.size}")
            await self._growth.wait()
        return self.head.size

    @asynccontextmanager
    async def follow(self, name: str, handler: Handler) -> AsyncIterator[Follower]:
        """Feed *handler* every entry, from where the follower *name* stopped."""
        follower = Follower(
            name,
            handler,
            store=self.store,
            reader=self.reader,
            wait_for_size=self.wait_for_size,
            on_store_failure=self._sequencer.check_store,
        )
        self.metrics.follower_lag(name).set_function(
            lambda: self.head.size - follower.next_index
        )
        task = asyncio.create_task(follower.run(), name=f"follower {name}")
        try:
            yield follower
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def freeze(self, reason: str) -> None:
        """Make the log read-only for good, after what was taken; return once it is.

        While the store is out of service this waits, and nothing is taken.

        Raises:
            FatalError: the log closed before it was frozen.
            StorageFailed: it could not be written; the log is not frozen.
        """
        # Shielded: who gives up waiting has frozen the log all the same.
        await asyncio.shield(self._sequencer.freeze(reason))

    def _committed(self, head: Head) -> None:
        """Take note of a commit. Called by the sequencer, in step 5."""
        self._publisher.offer(head)
        self._unguarded.set()
        growth, self._growth = self._growth, asyncio.Event()
        growth.set()

    async def _keep_guard(self) -> None:
        """Write each new head to the rollback guard, at most one a second."""
        while not self._closing.is_set():
            await self._unguarded.wait()
            self._unguarded.clear()
            await self._write_guard()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _GUARD_INTERVAL)

    async def _write_guard(self) -> None:
        """Bring the guard file up to the head."""
        if not self._guarded:
            return
        try:
            await asyncio.to_thread(write_guard, self.folder.guard, self.head)
        except OSError as error:
            self.guard_problem = (
                f"cannot write the rollback guard {self.folder.guard}: {error.strerror}"
            )
            logger.error("%s", self.guard_problem)  # noqa: TRY400 - it says why
            self._unguarded.set()  # Try again.
        else:
            self.guard_problem = None


def _taken_over(entries: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return *entries*, checked, as what cannot change before it is stored.

    A caller may fill the same list or buffer again. Of bytes, nothing is copied.
    """
    check_entries(entries)
    return tuple(map(bytes, entries))
