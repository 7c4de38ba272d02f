"""The sequencer: turns the pool into commits, one after the other.

While one commit is being written the next pool fills, so batches grow with load, and
a lone submission waits for nobody. There is no timer.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from merklelog.clock import monotonic, now_ms
from merklelog.errors import (
    CheckpointConflict,
    Conflict,
    FatalError,
    MerklelogError,
    StorageFailed,
)
from merklelog.metrics import LogMetrics
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import HEAD_KEY
from proofs.checkpoint import Checkpoint

from .commitment import Commit, Commitment
from .head import Head
from .integrate import Integration, integrate
from .keys import LogKeys
from .pool import Pool, Submission
from .state import State, contains, load_state
from .writebatch import write_batch

logger = logging.getLogger(__name__)

# Between attempts to reopen a store that failed, in seconds.
_FIRST_BACK_OFF = 0.1
_LONGEST_BACK_OFF = 10.0

_UNKNOWN_OUTCOME = (
    "the commit failed; whether the entries were stored is unknown until they are "
    "sent again with the same idempotency key"
)


class Sequencer:
    """One loop per log. Everything it holds is owned by its event loop."""

    def __init__(
        self,
        *,
        store: Store,
        keys: LogKeys,
        origin: str,
        state: State,
        pool: Pool,
        on_commit: Callable[[Head], None],
        metrics: LogMetrics,
    ) -> None:
        self._store = store
        self._keys = keys
        self._origin = origin
        self._pool = pool
        self._on_commit = on_commit
        self._metrics = metrics
        # The last committed state: replaced whole, by step 5 and by recovery only.
        self._state = state
        # Set by callers, cleared by the commit that serves them.
        self._wake = asyncio.Event()
        self._due = False  # Whether a commit is due even if it has no entries.
        self._freeze: _Freeze | None = None
        # Set once, by stop().
        self._stopping = asyncio.Event()
        # True from a failed write until the store was reopened and written to.
        self._recovering = False

    @property
    def head(self) -> Head:
        """The newest committed head."""
        return self._state.head

    @property
    def read_only(self) -> str | None:
        """Why the log takes no entries: None while it does."""
        return self._freeze.reason if self._freeze else self._state.read_only

    @property
    def recovering(self) -> bool:
        """Whether the store has failed and is not back yet."""
        return self._recovering

    def submit(self, submission: Submission) -> None:
        """Put *submission* into the pool; its future tells the outcome.

        Raises:
            PoolFull: nothing was taken.
            StorageFailed: the store is out of service; nothing was taken.
        """
        if self._recovering or self._stopping.is_set():
            raise StorageFailed("the log is not in service; nothing was taken")
        self._pool.add(submission)
        self._wake.set()

    @property
    def frozen(self) -> bool:
        """Whether it is on disk that the log takes no entries."""
        return self._state.read_only is not None

    def resign(self) -> None:
        """Have the head signed anew, with the present time, soon.

        A frozen log signs nothing any more: it may stand below a size that was
        released before it was restored.
        """
        if not self.frozen:
            self.check_store()

    def check_store(self) -> None:
        """Have the store written to soon: a store that has failed is then reopened."""
        self._due = True
        self._wake.set()

    def freeze(self, reason: str) -> "asyncio.Future[None]":
        """Take nothing more, and have that stored after all that was taken.

        The future is resolved when it is on disk; a failing disk delays it. If it is
        called twice the first reason stays.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.frozen:
            done.set_result(None)
        elif self._stopping.is_set():
            done.set_exception(_closed_unfrozen())
        else:
            self._freeze = self._freeze or _Freeze(reason, done)
            self._wake.set()
            return self._freeze.done
        return done

    def stop(self) -> None:
        """Take nothing more, commit what was taken, then let `run` return."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Commit what the pool holds, until stopped and the pool is empty."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._empty_pool()
                if self._stopping.is_set():
                    return
        finally:
            # However it ends, nobody may go on waiting for it.
            self._stopping.set()
            self._pool.fail_all(StorageFailed("the log is closed"))
            self._end_freeze(_closed_unfrozen())

    async def _empty_pool(self) -> None:
        while self._pool or self._due or self._freeze:
            await self._sequence_or_recover()
            if self._recovering:  # Stopped, before the store came back.
                return

    async def _sequence_or_recover(self) -> None:
        """Make one commit. A failure reaches those who wait for it, and nobody else."""
        started = monotonic()
        submissions = self._pool.take()  # Step 1.
        try:
            await self._sequence(submissions)
        except _Unwritten as error:
            logger.exception("%s: a commit failed before its write", self._origin)
            self._due = False
            detail = "the commit failed before it was written"
            self._end_freeze(StorageFailed(detail))
            _fail(submissions, detail, error)
        except asyncio.CancelledError as error:
            # The write may go on without us, and nobody would ever hear of it.
            _fail(submissions, _UNKNOWN_OUTCOME, error)
            raise
        except Exception as error:
            logger.exception(
                "%s: a commit failed, its outcome is unknown", self._origin
            )
            _fail(submissions, _UNKNOWN_OUTCOME, error)
            await self._recover()
        else:
            self._metrics.commit_seconds.observe(monotonic() - started)
        finally:
            self._pool.release()

    async def _sequence(self, submissions: Sequence[Submission]) -> None:
        """Run steps 2 to 6 of a commit. Step 4 is the commit point.

        Raises:
            _Unwritten: step 2 or 3 failed. Nothing happened.
            Exception: any other. The state is unknown: read it from the store.
        """
        before = self._state.head
        # The last commit of a frozen log is the one that takes the rest of the pool.
        freeze = None if self._pool else self._freeze
        try:
            # 2. Integrate in memory, from the edge.
            entries = [*chain.from_iterable(s.entries for s in submissions)]
            leaf_hashes = [*chain.from_iterable(s.leaf_hashes for s in submissions)]
            integration = integrate(self._state.edge, leaf_hashes)
            # 3. Sign the checkpoint of the new size. It is released only after step
            #    4: a signature over a tree that was lost would be a fork.
            later = self._due or freeze is not None
            head = before if self.frozen else self._sign(integration, later=later)
            reason = None if freeze is None else freeze.reason
            batch = write_batch(
                integration, head, entries, submissions, read_only=reason
            )
        except Exception as error:
            raise _Unwritten from error
        # What is asked for from here on is for the next commit.
        self._due = False
        # 4. One atomic, synced write.
        try:
            await self._store.commit(batch, expect={HEAD_KEY: before.note})
        except Conflict as error:
            raise CheckpointConflict(
                "the store holds another checkpoint than the one this server wrote "
                "last: something else writes to it"
            ) from error
        # 5. Advance the state in memory.
        read_only = self._state.read_only if reason is None else reason
        self._state = State(head, integration.after, read_only)
        self._on_commit(head)
        # 6. Resolve the receipts.
        commit = Commit(self._origin, integration, head)
        _resolve(submissions, before.size, commit)
        if freeze is not None:
            self._end_freeze(None)
        self._metrics.entries_total.inc(len(entries))
        self._metrics.commit_entries.observe(len(entries))

    def _sign(self, integration: Integration, *, later: bool) -> Head:
        """Return the signed head of the tree that *integration* makes.

        Its time is never before that of the last one, even if the clock went back;
        and *later*, which a head needs that has to be published, whatever the clock
        says (see `publish`).
        """
        timestamp = max(now_ms(), self.head.timestamp + later)
        size, root_hash = integration.after.size, integration.root_hash
        checkpoint = Checkpoint(self._origin, size, root_hash)
        note = self._keys.sign_checkpoint(checkpoint, timestamp_ms=timestamp)
        return Head(size, root_hash, note, timestamp)

    async def _recover(self) -> None:
        """Reopen the store until it can be read and written again; retry nothing.

        What the store holds then is the truth: the failed commit is there or it is
        not. Ends with a commit of its own, a newly signed head, because a full disk
        can be opened and read, but not written.
        """
        self._recovering = True
        back_off = _FIRST_BACK_OFF
        while True:
            self._pool.fail_all(StorageFailed("the log's store has failed"))
            try:
                await self._store.reopen()
                self._state = await self._reload()
                await self._sequence([])
            except Exception as error:  # noqa: BLE001 - whatever it is, stay out of service
                logger.error(  # noqa: TRY400 - once per attempt, without a traceback
                    "%s: still out of service: %s", self._origin, error
                )
            else:
                break
            if await self._stopped_within(back_off):
                return
            back_off = min(2 * back_off, _LONGEST_BACK_OFF)
        self._recovering = False
        logger.warning("%s: back in service at size %d", self._origin, self.head.size)

    async def _reload(self) -> State:
        """Read the state from the reopened store, and insist that nothing is lost."""
        state = await load_state(self._store, self._keys.verifiers, self._origin)
        if not await contains(state, self._store, self.head):
            raise FatalError(
                f"the reopened store is at size {state.head.size} and does not contain "
                f"the tree of size {self.head.size} that was acknowledged: bring the "
                "store back, the log stays out of service until then"
            )
        return state

    def _end_freeze(self, error: MerklelogError | None) -> None:
        """Tell whoever asked to freeze the log that it is frozen, or why not."""
        freeze, self._freeze = self._freeze, None
        if freeze is None or freeze.done.done():
            return
        if error is None:
            freeze.done.set_result(None)
        else:
            freeze.done.set_exception(error)

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait, and tell whether the log was told to stop meanwhile."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True


class _Freeze(NamedTuple):
    """A wish that the log be read-only."""

    reason: str
    done: "asyncio.Future[None]"
    """Resolved by the sequencer, once the reason is stored."""


class _Unwritten(Exception):
    """A commit failed before its write: chained to the reason."""


def _closed_unfrozen() -> FatalError:
    return FatalError("the log closed before it was frozen")


def _resolve(
    submissions: Sequence[Submission], first_index: int, commit: Commit
) -> None:
    """Tell every waiting request what its entries have become."""
    for submission in submissions:
        if not submission.done.done():  # Cancelled: the client is gone.
            submission.done.set_result(
                Commitment(
                    first_index, submission.leaf_hashes, commit.head.timestamp, commit
                )
            )
        first_index += len(submission.entries)


def _fail(submissions: Sequence[Submission], detail: str, cause: BaseException) -> None:
    """Tell every waiting request that its entries are not acknowledged."""
    error = StorageFailed(detail)
    error.__cause__ = cause
    for submission in submissions:
        submission.fail(error)
