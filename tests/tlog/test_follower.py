"""Followers: every entry in order, none missed, and nobody kept waiting for them."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest
from memorylog import LogOnMemory

from merklelog.storage.keyspace import decode_next_index, follower_key
from merklelog.tlog import Log, follower


class Handler:
    """Notes what it is given, after waiting for *gate* and for *fails*."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[bytes]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Exception | None = None

    async def __call__(self, index: int, entries: Sequence[bytes]) -> None:
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        self.calls.append((index, [*entries]))

    @property
    def entries(self) -> list[bytes]:
        return [entry for _, entries in self.calls for entry in entries]


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "_BACK_OFF", 0.01)


def numbers(start: int, end: int) -> list[bytes]:
    return [b"%d" % i for i in range(start, end)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def place(on_memory: LogOnMemory, name: str = "f") -> int | None:
    value = on_memory.store.restarted()._values.get(follower_key(name))
    return None if value is None else decode_next_index(value)


async def test_entries_come_once_and_in_order(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """Those that were there and those that come, at the indexes that they have."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 700))
        async with log.follow("f", handler):
            for i in range(700, 710):
                await log.add([b"%d" % i])
            await until(lambda: len(handler.entries) >= 710)
    assert handler.entries == numbers(0, 710)
    for index, entries in handler.calls:
        assert entries == numbers(index, index + len(entries))


async def test_a_handler_gets_a_bounded_number_at_once(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """However far behind it is."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 3000))
        async with log.follow("f", handler):
            await until(lambda: len(handler.entries) == 3000)
    assert max(len(entries) for _, entries in handler.calls) == 256


async def test_a_follower_goes_on_where_it_stopped(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """After an orderly stop nothing comes twice."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 300))
        async with log.follow("f", handler):
            await until(lambda: len(handler.entries) == 300)
    async with on_memory.open() as log:
        await log.add(numbers(300, 310))
        async with log.follow("f", handler):
            await until(lambda: len(handler.entries) >= 310)
    assert handler.entries == numbers(0, 310)


async def test_two_followers_have_separate_places(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        async with log.follow("one", handler):
            await until(lambda: len(handler.entries) == 10)
        async with log.follow("two", handler):
            await until(lambda: len(handler.entries) == 20)


async def test_after_a_crash_entries_come_again_and_none_is_missed(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """The process died when the handler had worked and the place was not stored."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        async with log.follow("f", handler):
            await until(lambda: len(handler.entries) == 10)
            died_with = on_memory.store.restarted()
    on_memory.store = died_with
    handler.calls.clear()
    async with on_memory.open() as log, log.follow("f", handler):
        await until(lambda: len(handler.entries) == 10)


async def test_the_place_is_stored_while_it_runs(
    on_memory: LogOnMemory, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after a year does not repeat the year."""
    monkeypatch.setattr(follower, "_PLACE_INTERVAL", 0.0)
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        async with log.follow("f", handler):
            await until(lambda: place(on_memory) == 10)


async def test_the_place_is_not_stored_with_every_page(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """Each write is a synced commit that the sequencer has to wait for."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 256 * 20))
        before = on_memory.store.commits
        async with log.follow("f", handler):
            await until(lambda: len(handler.entries) == 256 * 20)
        assert on_memory.store.commits - before <= 3


async def test_a_place_is_never_ahead_of_what_was_handled(
    on_memory: LogOnMemory, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that was interrupted gets the same entries again."""
    monkeypatch.setattr(follower, "_PLACE_INTERVAL", 0.0)
    handler.gate.clear()
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        async with log.follow("f", handler):
            await asyncio.sleep(0.05)
    assert place(on_memory) is None
    handler.gate.set()
    async with on_memory.open() as log, log.follow("f", handler):
        await until(lambda: handler.entries == numbers(0, 10))


async def test_a_handler_that_fails_ends_its_follower_and_nothing_else(
    on_memory: LogOnMemory, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported when it happens, and the entries wait for it."""
    handler.fails = ValueError("broken handler")

    async def follow_and_append(log: Log) -> None:
        async with log.follow("f", handler):
            await log.add([b"0"])
            await until(lambda: "follower f ends at 0" in caplog.text)
            await log.add([b"1"])

    async with on_memory.open() as log:
        caplog.set_level(logging.ERROR)
        with pytest.raises(ValueError, match="broken handler"):
            await follow_and_append(log)
        handler.fails = None
        async with log.follow("f", handler):
            await until(lambda: handler.entries == [b"0", b"1"])


async def test_a_slow_follower_does_not_keep_the_log_waiting(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """The log grows while a handler does nothing at all."""
    handler.gate.clear()
    async with on_memory.open() as log, log.follow("f", handler) as slow:
        async with asyncio.timeout(10):
            for i in range(100):
                await log.add([b"%d" % i])
        assert slow.next_index == 0
        handler.gate.set()
        await until(lambda: handler.entries == numbers(0, 100))


async def test_a_follower_waits_for_a_store_that_has_failed(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """And misses nothing when it is back."""
    async with on_memory.open() as log, log.follow("f", handler):
        await log.add(numbers(0, 10))
        on_memory.store.fail_next_commit()
        done = log.submit([b"lost"])
        await asyncio.wait([done])
        assert done.exception() is not None
        await until(lambda: log.state == "serving")
        await log.add(numbers(10, 20))
        await until(lambda: len(set(handler.entries)) >= 20)
    assert sorted(set(handler.entries), key=int) == numbers(0, 20)


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_follower_that_finds_the_store_failed_has_it_reopened(
    on_memory: LogOnMemory,
    handler: Handler,
    monkeypatch: pytest.MonkeyPatch,
    frozen: bool,
) -> None:
    """A log that nobody appends to would not notice, and answer no read."""
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        if frozen:
            await log.freeze("retired")
        monkeypatch.setattr(follower, "_PLACE_INTERVAL", 0.0)
        on_memory.store.fail_next_commit()
        async with log.follow("f", handler):
            await until(lambda: not on_memory.store._faults)
            await until(lambda: not on_memory.store._failed)
            await until(lambda: place(on_memory) == 10)
        assert await log.reader.entries(0, 10) == numbers(0, 10)


async def test_a_follower_can_be_stopped_while_the_store_is_out_of_service(
    on_memory: LogOnMemory, handler: Handler
) -> None:
    """Being cancelled is not taken for one more failure."""
    async with on_memory.open() as log, asyncio.timeout(10):
        await log.add([b"0"])
        async with log.follow("f", handler):
            await until(lambda: handler.entries == [b"0"])
            on_memory.store.break_disk()
            done = log.submit([b"lost"])
            await asyncio.wait([done])
            assert done.exception() is not None


async def test_its_lag_is_measured(on_memory: LogOnMemory, handler: Handler) -> None:
    """An operator sees a follower that has stopped."""
    handler.gate.clear()
    async with on_memory.open() as log:
        await log.add(numbers(0, 10))
        async with log.follow("f", handler):
            lag = log.metrics.follower_lag("f").collect()
            assert [s.value for metric in lag for s in metric.samples] == [10]
