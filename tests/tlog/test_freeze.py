"""Freezing a log: after everything that was taken, for good, and never half."""

import asyncio

import pytest
from memorylog import LogOnMemory

from merklelog.errors import FatalError, LogReadOnly, StorageFailed
from merklelog.tlog import Log, pool


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def back_in_service(log: Log) -> None:
    async with asyncio.timeout(20):
        while log.state == "recovering":
            await asyncio.sleep(0.01)


async def test_all_that_waits_is_signed_before_a_log_is_frozen(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the pool holds more than one commit takes."""
    monkeypatch.setattr(pool, "COMMIT_BYTES", 1000)
    entries = [b"%d" % i for i in range(20)]
    async with on_memory.open() as log:
        waiting = [log.submit([entry]) for entry in entries]
        await log.freeze("retired")
        for done, entry in zip(waiting, entries, strict=True):
            on_memory.verify((await done)[0], entry)
        await on_memory.check(log, entries)


async def test_nothing_is_taken_from_the_moment_of_freezing(
    on_memory: LogOnMemory,
) -> None:
    """Not even before the freeze is stored."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        freezing = asyncio.create_task(log.freeze("retired"))
        await settle()
        with pytest.raises(LogReadOnly, match="retired"):
            await log.add([b"late"])
        on_memory.store.release_commits()
        await freezing


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_freeze_whose_commit_fails_is_stored_when_the_disk_is_back(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """It is neither forgotten nor answered too early."""
    async with on_memory.open() as log:
        await log.add([b"last"])
        on_memory.store.fail_next_commit(persisted=persisted)
        async with asyncio.timeout(10):
            await log.freeze("retired")
        assert on_memory.store.restarted()._values[b"r"] == b"retired"
        await on_memory.check(log, [b"last"])


async def test_a_freeze_that_cannot_be_signed_is_refused(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for it is told, and the log goes on."""

    def fail(*_args: object, **_keywords: object) -> None:
        raise RuntimeError

    async with on_memory.open() as log:
        with monkeypatch.context() as patch:
            patch.setattr(log._sequencer, "_sign", fail)
            with pytest.raises(StorageFailed):
                await log.freeze("retired")
        await log.add([b"after"])


async def test_a_log_that_closes_with_a_broken_disk_says_that_it_is_not_frozen(
    on_memory: LogOnMemory,
) -> None:
    """Nobody waits for ever, neither for the freeze nor for the log to close."""
    async with asyncio.timeout(10):
        async with on_memory.open() as log:
            on_memory.store.break_disk()
            freezing = asyncio.create_task(log.freeze("retired"))
            await settle()
        with pytest.raises(FatalError, match="closed before it was frozen"):
            await freezing


async def test_a_closed_log_cannot_be_frozen(on_memory: LogOnMemory) -> None:
    async with on_memory.open() as log:
        pass
    with pytest.raises(FatalError, match="closed before it was frozen"):
        await log.freeze("late")


async def test_of_two_reasons_the_first_stays(on_memory: LogOnMemory) -> None:
    """Both callers return, at once or one after the other."""
    async with on_memory.open() as log:
        await asyncio.gather(log.freeze("first"), log.freeze("second"))
        await log.freeze("third")
        assert log.read_only == "first"


async def test_who_gives_up_waiting_has_frozen_the_log_all_the_same(
    on_memory: LogOnMemory,
) -> None:
    """A client that disconnects does not undo it for another that waits."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        first = asyncio.create_task(log.freeze("retired"))
        second = asyncio.create_task(log.freeze("retired"))
        await settle()
        first.cancel()
        on_memory.store.release_commits()
        await second
        assert log.state == "read_only"


async def test_a_frozen_log_comes_back_from_a_failing_disk_as_it_was(
    on_memory: LogOnMemory,
) -> None:
    """Recovery writes, and signs nothing."""
    async with on_memory.open() as log:
        await log.add([b"last"])
        await log.freeze("retired")
        note = log.head.note
        on_memory.store.fail_next_commit()
        log._sequencer.check_store()
        await settle()
        await back_in_service(log)
        assert (log.state, log.head.note) == ("read_only", note)


async def test_a_sequencer_that_is_killed_lets_nobody_wait(
    on_memory: LogOnMemory,
) -> None:
    """What was taken or in the pool is told, what comes later is refused, it closes."""
    tasks: dict[str, asyncio.Task[object]] = {}

    async def kill_sequencer() -> None:
        async with on_memory.open() as log:
            tasks.update((task.get_name(), task) for task in asyncio.all_tasks())
            on_memory.store.hold_commits()
            taken = log.submit([b"being committed"])
            await settle()
            waiting = log.submit([b"in the pool"])
            tasks["sequencer"].cancel()
            for done in (taken, waiting):
                with pytest.raises(StorageFailed):
                    await asyncio.wait_for(done, 5)
            with pytest.raises(StorageFailed):
                await log.add([b"late"])

    with pytest.raises(asyncio.CancelledError):
        await kill_sequencer()
    assert tasks["rollback guard"].done()
