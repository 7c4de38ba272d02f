"""Each step of a commit, failing: nothing acknowledged is lost, nothing is half done.

A failure comes in two kinds, of which a caller cannot tell the difference: it failed,
or it was done and the answer was lost.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from memorylog import LogOnMemory

from merklelog.errors import CorruptStore, StorageFailed
from merklelog.storage.interface import Batch
from merklelog.storage.keyspace import HEAD_KEY
from merklelog.tlog import Log, sequencer

ACKNOWLEDGED = [b"%d" % i for i in range(300)]


class InjectedError(Exception):
    """What the tests make a step raise."""


async def fails(log: Log, entry: bytes) -> None:
    """Submit *entry*, whose commit is made to fail."""
    with pytest.raises(StorageFailed):
        await log.add([entry])


async def back_in_service(log: Log) -> None:
    async with asyncio.timeout(20):
        while log.state == "recovering":
            await asyncio.sleep(0.01)


@contextmanager
def step_failing(
    monkeypatch: pytest.MonkeyPatch, log: Log, step: int
) -> Iterator[None]:
    """Make *step* of the next commits raise, for the length of the block."""

    def fail(*_args: object, **_keywords: object) -> None:
        raise InjectedError

    with monkeypatch.context() as patch:
        match step:
            case 2:
                patch.setattr(sequencer, "integrate", fail)
            case 3:
                patch.setattr(log._sequencer, "_sign", fail)
            case 5:
                patch.setattr(log._sequencer, "_on_commit", fail)
            case 6:
                patch.setattr(sequencer, "_resolve", fail)
            case _:
                pass  # Step 4 is the store's.
        yield


@pytest.mark.parametrize("step", [2, 3])
async def test_a_failure_before_the_write_fails_its_own_pool_only(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Steps 2 and 3 change nothing: the next commit goes on as if they had not been."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
        with step_failing(monkeypatch, log, step):
            await fails(log, b"unwritten")
        assert log.state == "serving"
        on_memory.verify((await log.add([b"after"]))[0], b"after")
        await on_memory.check(log, [*ACKNOWLEDGED, b"after"])


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_failed_write_is_settled_by_the_store(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """Step 4: the outcome is unknown, and what the store says afterwards is true."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
        on_memory.store.fail_next_commit(persisted=persisted)
        await fails(log, b"unknown")
        await back_in_service(log)
        on_memory.verify((await log.add([b"after"]))[0], b"after")
        kept = [b"unknown"] if persisted else []
        await on_memory.check(log, [*ACKNOWLEDGED, *kept, b"after"])


@pytest.mark.parametrize("step", [5, 6])
async def test_a_failure_after_the_write_keeps_what_was_written(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Steps 5 and 6: durable but not acknowledged, and found again in the store."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
        submission = log.submit([b"written"])
        with step_failing(monkeypatch, log, step), pytest.raises(StorageFailed):
            await submission
        await back_in_service(log)
        await log.add([b"after"])
        await on_memory.check(log, [*ACKNOWLEDGED, b"written", b"after"])


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("step", [2, 3, 4, 5, 6])
async def test_a_process_that_dies_at_any_step_restarts_clean(
    on_memory: LogOnMemory,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    persisted: bool,
) -> None:
    """What a new process finds is a whole log with everything acknowledged."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
        if step == 4:
            on_memory.store.fail_next_commit(persisted=persisted)
        with step_failing(monkeypatch, log, step):
            await fails(log, b"unknown")
        died_with = on_memory.store.restarted()
    on_memory.store = died_with
    async with on_memory.open() as log:
        written = step > 4 or (step == 4 and persisted)
        kept = [b"unknown"] if written else []
        await on_memory.check(log, [*ACKNOWLEDGED, *kept])


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_failed_commit_does_not_acknowledge_what_waits_behind_it(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """The pool is emptied with the failure: nothing is retried behind one's back."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        first = log.submit([b"first"])
        await asyncio.sleep(0)
        second = log.submit([b"second"])
        on_memory.store.fail_next_commit(persisted=persisted)
        on_memory.store.release_commits()
        for waiting in (first, second):
            with pytest.raises(StorageFailed):
                await waiting
        await back_in_service(log)
        await on_memory.check(log, [b"first"] if persisted else [])


async def test_while_the_disk_is_broken_appends_fail_at_once(
    on_memory: LogOnMemory,
) -> None:
    """Nobody waits for a store that is out of service."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
        on_memory.store.break_disk()
        await fails(log, b"lost")
        assert log.state == "recovering"
        with pytest.raises(StorageFailed, match="nothing was taken"):
            _ = log.submit([b"refused"])
        on_memory.store.mend_disk()
        await back_in_service(log)
        await log.add([b"after"])
        await on_memory.check(log, [*ACKNOWLEDGED, b"after"])


async def test_a_log_is_not_back_before_it_can_write(on_memory: LogOnMemory) -> None:
    """A full disk can be opened and read: service resumes after a write succeeds."""
    async with on_memory.open() as log:
        for _ in range(3):
            on_memory.store.fail_next_commit()
        await fails(log, b"lost")
        await back_in_service(log)
        assert not on_memory.store._faults
        await log.add([b"after"])
        await on_memory.check(log, [b"after"])


async def test_a_store_that_comes_back_shorter_stays_out_of_service(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume that was swapped for an older one must not be appended to."""
    async with on_memory.open() as log:
        older = on_memory.store.restarted()
        await log.add(ACKNOWLEDGED)
        monkeypatch.setattr(on_memory.store, "_values", dict(older._values))
        monkeypatch.setattr(on_memory.store, "_keys", list(older._keys))
        await fails(log, b"fork")
        await asyncio.sleep(0.3)
        assert log.state == "recovering"


async def test_another_writer_is_noticed_before_anything_is_written(
    on_memory: LogOnMemory,
) -> None:
    """The commit expects the head that it extends."""
    async with on_memory.open() as log:
        await log.add([b"mine"])
        batch = Batch()
        batch.put(HEAD_KEY, b"somebody else's")
        await on_memory.store.commit(batch)
        await fails(log, b"fork")
        assert log.head.size == 1


async def test_an_edge_that_was_altered_is_not_appended_to(
    on_memory: LogOnMemory,
) -> None:
    """Opening compares the root of the edge with the signed one."""
    async with on_memory.open() as log:
        await log.add(ACKNOWLEDGED)
    store = on_memory.store
    key = next(k for k in store._values if k[:1] == b"t" and k[1] == 0 and k[-1] == 1)
    tile = bytearray(store._values[key])
    tile[0] ^= 1
    store._values[key] = bytes(tile)
    with pytest.raises(CorruptStore, match="lead to the root"):
        async with on_memory.open():
            pass
