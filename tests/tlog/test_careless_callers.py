"""What an embedding program can get wrong, and the log must not."""

import asyncio

import pytest
from memorylog import LogOnMemory

from merklelog.errors import EntryTooLarge, MalformedEntry
from merklelog.tlog.commitment import Replay


async def test_a_list_that_is_filled_again_is_not_what_was_submitted(
    on_memory: LogOnMemory,
) -> None:
    """A caller may reuse his list before the commit is over."""
    batch = [b"one", b"two"]
    async with on_memory.open() as log:
        done = log.submit(batch)
        batch.clear()
        batch.append(b"three")
        for receipt, entry in zip(await done, [b"one", b"two"], strict=True):
            on_memory.verify(receipt, entry)
        await on_memory.check(log, [b"one", b"two"])


async def test_a_list_that_is_filled_again_does_not_change_what_a_key_stands_for(
    on_memory: LogOnMemory,
) -> None:
    """The fingerprint is that of the entries that are stored."""
    batch = [b"one", b"two"]
    async with on_memory.open() as log:
        request = asyncio.create_task(log.submit_once(batch, key="k"))
        await asyncio.sleep(0)
        batch.clear()
        await request
        assert await log.submit_once([b"one", b"two"], key="k") == Replay(0, 2)


async def test_a_buffer_that_is_filled_again_is_not_what_was_submitted(
    on_memory: LogOnMemory,
) -> None:
    """Nor may what was hashed differ from what is stored."""
    buffer = bytearray(b"one")
    async with on_memory.open() as log:
        done = log.submit([buffer, memoryview(buffer)])  # type: ignore[list-item]
        buffer[:] = b"two"
        await done
        await on_memory.check(log, [b"one", b"one"])


@pytest.mark.parametrize("entries", [b"one entry", "text", ["text"], [1], [None], 7])
async def test_what_is_no_list_of_bytes_is_a_type_error(
    on_memory: LogOnMemory, entries: object
) -> None:
    """An entry in the place of a list is not taken for a list of entries."""
    async with on_memory.open() as log:
        with pytest.raises(TypeError):
            await log.add(entries)  # type: ignore[arg-type]
        assert log.head.size == 0


async def test_no_entries_at_all_are_refused(on_memory: LogOnMemory) -> None:
    """There would be no receipt."""
    async with on_memory.open() as log:
        with pytest.raises(MalformedEntry, match="there are no entries"):
            await log.add([])


async def test_every_bad_entry_of_a_batch_is_named(on_memory: LogOnMemory) -> None:
    """And none of the batch is taken."""
    async with on_memory.open() as log:
        with pytest.raises(MalformedEntry) as malformed:
            await log.add([b"", b"good", b""])
        assert [bad.position for bad in malformed.value.bad] == [0, 2]
        with pytest.raises(EntryTooLarge) as too_large:
            await log.add([b"good", bytes(65_536), b"good", bytes(70_000)])
        assert [bad.position for bad in too_large.value.bad] == [1, 3]
        assert log.head.size == 0


async def test_a_bad_batch_does_not_harm_who_shares_the_commit(
    on_memory: LogOnMemory,
) -> None:
    async with on_memory.open() as log:
        outcomes = await asyncio.gather(
            log.add([b"good"]),
            log.add([b""]),
            log.add([b"fine"]),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], MalformedEntry)
        await on_memory.check(log, [b"good", b"fine"])


async def test_two_tasks_may_wait_for_the_same_submission(
    on_memory: LogOnMemory,
) -> None:
    async with on_memory.open() as log:
        done = log.submit([b"one"])
        first, second = await asyncio.gather(done, done)
        assert first is second


async def test_a_log_may_be_used_by_the_task_that_was_told_of_a_commit(
    on_memory: LogOnMemory,
) -> None:
    """Submitting from the callback of a submission goes into the next commit."""
    async with on_memory.open() as log:
        done = log.submit([b"one"])
        following: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda _: following.set_result(log.submit([b"two"])))
        await (await following)  # type: ignore[misc]
        await on_memory.check(log, [b"one", b"two"])
