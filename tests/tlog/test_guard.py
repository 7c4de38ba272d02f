"""The rollback guard: a store that lost what was released is not appended to."""

import asyncio
import logging
import os
import shutil
from pathlib import Path

import pytest
from memorylog import ORIGIN, LogOnMemory

from merklelog.config import LogConfig
from merklelog.errors import FatalError, StorageFailed
from merklelog.storage.keyspace import READ_ONLY_KEY
from merklelog.tlog import Log
from merklelog.tlog import log as log_module
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.guard import read_guard, write_guard
from merklelog.tlog.head import Head
from merklelog.tlog.keys import LogKeys


def guard_of(on_memory: LogOnMemory) -> Head | None:
    return read_guard(on_memory.folder.guard, on_memory.keys.verifiers, ORIGIN)


async def add(on_memory: LogOnMemory, *entries: bytes) -> Head:
    """Open the log, append, close it in good order, and return its head."""
    async with on_memory.open() as log:
        for entry in entries:
            await log.add([entry])
        return log.head


async def refused(on_memory: LogOnMemory, match: str) -> None:
    with pytest.raises(FatalError, match=match):
        async with on_memory.open():
            pass


async def roll_back(on_memory: LogOnMemory) -> Head:
    """Leave the log with two entries, of which the guard knows three; return these."""
    await add(on_memory, b"0", b"1")
    older = on_memory.store.restarted()
    head = await add(on_memory, b"2")
    on_memory.store = older
    return head


async def fork(on_memory: LogOnMemory) -> None:
    """Leave the log with one entry, where the guard knows another one."""
    empty = on_memory.store.restarted()
    await add(on_memory, b"released")
    guard = on_memory.folder.guard.read_bytes()
    on_memory.store = empty
    write_guard(on_memory.folder.guard, await stored_head(on_memory))
    await add(on_memory, b"never released")
    on_memory.folder.guard.write_bytes(guard)


async def stored_head(on_memory: LogOnMemory) -> Head:
    """Return the head in the store, whatever the guard says."""
    on_memory.plant(READ_ONLY_KEY, b"for a look")
    async with on_memory.open() as log:
        head = log.head
    on_memory.plant(READ_ONLY_KEY, None)
    return head


async def test_a_store_that_was_rolled_back_is_not_opened(
    on_memory: LogOnMemory,
) -> None:
    """It would sign a second tree of a size that was released before."""
    await roll_back(on_memory)
    await refused(on_memory, "at size 2, but a checkpoint of size 3")


async def test_the_refusal_of_a_rolled_back_store_says_what_to_do(
    on_memory: LogOnMemory,
) -> None:
    """Bring it back, or restore it frozen and start a successor."""
    await roll_back(on_memory)
    await refused(on_memory, r"Bring the newer store back.*log restore.*log succeed")


async def test_another_history_of_the_same_size_is_not_opened(
    on_memory: LogOnMemory,
) -> None:
    """Sizes alone prove nothing: the roots are compared."""
    await fork(on_memory)
    await refused(on_memory, "does not contain")


async def test_another_history_that_has_grown_further_is_not_opened(
    on_memory: LogOnMemory,
) -> None:
    """Nor is being ahead: the released tree has to be at the beginning of it."""
    await fork(on_memory)
    released = on_memory.folder.guard.read_bytes()
    on_memory.folder.guard.write_bytes((await stored_head(on_memory)).note)
    await add(on_memory, *(b"%d" % i for i in range(300)))
    on_memory.folder.guard.write_bytes(released)
    await refused(on_memory, "does not contain")


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300])
async def test_a_store_ahead_of_the_guard_is_opened(
    on_memory: LogOnMemory, size: int
) -> None:
    """A process that was killed has committed more than it wrote to the guard."""
    async with on_memory.open() as log:
        await log.add([b"%d" % i for i in range(size)])
        older = log.head
    await add(on_memory, b"more", b"and more")
    write_guard(on_memory.folder.guard, older)
    async with on_memory.open() as log:
        assert log.head.size == size + 2
        assert log.state == "serving"


async def test_a_guard_of_another_key_is_refused(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """Whoever replaced the keys cannot have the guard of the old ones accepted."""
    await add(on_memory, b"0")
    on_memory.keys = LogKeys.generate(tmp_path / "other", ORIGIN)
    with pytest.raises(FatalError, match="right file or the right keys"):
        guard_of(on_memory)


@pytest.mark.parametrize("content", [b"", b"\x00" * 300, b"example.com/audit\n1\n"])
async def test_a_guard_that_is_no_checkpoint_is_refused(
    on_memory: LogOnMemory, content: bytes
) -> None:
    """A torn guard is not read as none."""
    on_memory.folder.guard.write_bytes(content)
    await refused(on_memory, "the rollback guard .* does not hold a checkpoint")


async def test_a_guard_that_cannot_be_read_is_refused(on_memory: LogOnMemory) -> None:
    """Nor is one that is there, and not readable."""
    on_memory.folder.guard.unlink()
    on_memory.folder.guard.mkdir()
    await refused(on_memory, "cannot read the rollback guard")


async def test_a_missing_guard_is_refused(on_memory: LogOnMemory) -> None:
    """Its disk may not be mounted: without it a rollback would go unnoticed."""
    await add(on_memory, b"0")
    on_memory.folder.guard.unlink()
    await refused(on_memory, "is missing: .* Bring the file back")
    assert not on_memory.folder.guard.exists()


async def test_a_lost_guard_can_be_replaced_by_a_checkpoint_that_somebody_has(
    on_memory: LogOnMemory,
) -> None:
    """The guard file is nothing else: a receipt or a monitor has one."""
    async with on_memory.open() as log:
        receipt = (await log.add([b"0"]))[0]
    on_memory.folder.guard.unlink()
    on_memory.folder.guard.write_bytes(receipt.checkpoint)
    async with on_memory.open() as log:
        assert log.state == "serving"


async def test_the_guard_may_lie_outside_the_folder(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """On another disk it outlives a rollback of the first."""
    elsewhere = tmp_path / "elsewhere" / "guard"
    elsewhere.parent.mkdir()
    on_memory.folder.guard.rename(elsewhere)
    config = LogConfig(origin=ORIGIN, guard=elsewhere)
    on_memory.folder = LogFolder(on_memory.folder.path, config)
    head = await roll_back(on_memory)
    assert elsewhere.read_bytes() == head.note
    await refused(on_memory, "it was rolled back")


async def test_the_guard_is_written_at_shutdown(on_memory: LogOnMemory) -> None:
    """After an orderly stop it holds the newest head."""
    head = await add(on_memory, b"0", b"1", b"2")
    assert on_memory.folder.guard.read_bytes() == head.note


async def test_the_guard_follows_the_log_while_it_runs(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed leaves a guard that is not much older."""
    monkeypatch.setattr(log_module, "_GUARD_INTERVAL", 0.01)
    async with on_memory.open() as log:
        for i in range(3):
            await log.add([b"%d" % i])
            await until_guarded(on_memory, log)


async def until_guarded(on_memory: LogOnMemory, log: Log) -> None:
    async with asyncio.timeout(10):
        while (guard := guard_of(on_memory)) is None or guard.size < log.head.size:
            await asyncio.sleep(0.005)


async def test_a_guard_that_cannot_be_written_is_written_later(
    on_memory: LogOnMemory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Entries are taken meanwhile, and the operator is told."""
    monkeypatch.setattr(log_module, "_GUARD_INTERVAL", 0.01)
    folder = on_memory.folder.path
    async with on_memory.open() as log:
        await until_guarded(on_memory, log)
        shutil.rmtree(folder)
        with caplog.at_level(logging.ERROR):
            await log.add([b"0"])
            await asyncio.sleep(0.1)
        assert "cannot write the rollback guard" in caplog.text
        folder.mkdir()
        await until_guarded(on_memory, log)


async def test_a_frozen_log_does_not_move_the_guard_back(
    on_memory: LogOnMemory,
) -> None:
    """It is served below what was released, and forgets nothing of it."""
    head = await roll_back(on_memory)
    on_memory.plant(READ_ONLY_KEY, b"restored")
    async with on_memory.open() as log:
        assert (log.state, log.head.size) == ("read_only", 2)
    assert on_memory.folder.guard.read_bytes() == head.note


async def test_a_frozen_log_of_another_history_does_not_replace_the_guard(
    on_memory: LogOnMemory,
) -> None:
    """Not even at the same size."""
    await fork(on_memory)
    released = on_memory.folder.guard.read_bytes()
    on_memory.plant(READ_ONLY_KEY, b"restored")
    async with on_memory.open():
        pass
    assert on_memory.folder.guard.read_bytes() == released


async def test_a_frozen_log_without_guard_writes_none(on_memory: LogOnMemory) -> None:
    """The next restore would take it for all that was ever released."""
    await add(on_memory, b"0")
    on_memory.plant(READ_ONLY_KEY, b"restored")
    on_memory.folder.guard.unlink()
    async with on_memory.open():
        pass
    assert not on_memory.folder.guard.exists()


async def test_the_guard_of_a_log_that_is_frozen_reaches_its_last_head(
    on_memory: LogOnMemory,
) -> None:
    """Freezing signs once more, and that head is guarded as any other."""
    async with on_memory.open() as log:
        await log.add([b"0"])
        await log.freeze("retired")
    assert on_memory.folder.guard.read_bytes() == log.head.note


@pytest.mark.parametrize("fails", ["fsync", "replace"])
async def test_the_guard_is_replaced_whole_or_not_at_all(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A full disk leaves the one that was there."""
    head = await add(on_memory, b"0")
    before = on_memory.folder.guard.read_bytes()

    def fail(*_args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os if fails == "fsync" else Path, fails, fail)
    other = Head(head.size, head.root_hash, b"half of a not", head.timestamp)
    with pytest.raises(OSError, match="no space"):
        write_guard(on_memory.folder.guard, other)
    assert on_memory.folder.guard.read_bytes() == before


async def test_a_store_that_comes_back_with_another_history_stays_out_of_service(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """Recovering compares with what was acknowledged, as opening with the guard."""
    other = LogOnMemory(tmp_path / "other")
    other.keys = on_memory.keys
    await other.create()
    await add(other, b"never released", b"nor this")
    async with on_memory.open() as log:
        await log.add([b"released"])
        store = on_memory.store
        store._values, store._keys = other.store._values, other.store._keys
        with pytest.raises(StorageFailed):
            await log.add([b"fork"])
        await asyncio.sleep(0.3)
        assert (log.state, log.head.size) == ("recovering", 1)
