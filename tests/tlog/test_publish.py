"""Publishing: when a head becomes the public checkpoint, and what it may not be."""

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from memorylog import ORIGIN, LogOnMemory

from merklelog.config import CheckpointConfig, LogConfig
from merklelog.tlog import Log, sequencer
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.head import Head
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.publish import Publisher

INTERVAL = 1.0
REPUBLISH = 600.0


class Timer:
    """One call that a `FakeLoop` is to make."""

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """The clock and the timers of an event loop, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        return self.call_at(self.now + delay, call)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and make the calls that become due."""
        end = self.now + seconds
        while due := [t for t in self.timers if not t.cancelled and t.when <= end]:
            timer = min(due, key=lambda t: t.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.call()
        self.now = end


class Publishing:
    """A publisher with a clock of its own, and a log that signs when it is told to."""

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.newest = Head(0, bytes(32), b"0", 1)
        self.signed_anew = 0
        self.signs = True
        self.publisher = Publisher(
            self.newest, interval=INTERVAL, republish=REPUBLISH, resign=self.resign
        )

    @property
    def size(self) -> int:
        return self.publisher.published.size

    def commit(self, *, entries: int = 1, later: int = 1) -> None:
        """Offer the head of a commit, signed *later* ms after the last one."""
        size, timestamp = self.newest.size + entries, self.newest.timestamp + later
        self.newest = Head(size, bytes(32), b"%d %d" % (size, timestamp), timestamp)
        self.publisher.offer(self.newest)

    def resign(self) -> None:
        self.signed_anew += 1
        if self.signs:  # As the sequencer does, after the call has returned.
            self.loop.call_later(0, lambda: self.commit(entries=0))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Publishing:
    loop = FakeLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return Publishing(loop)


def test_after_a_pause_a_head_is_published_at_once(log: Publishing) -> None:
    """A lone entry is public as soon as it is committed."""
    log.loop.advance(INTERVAL)
    log.commit()
    assert log.size == 1


def test_within_the_interval_a_head_waits(log: Publishing) -> None:
    """Two published heads are an interval apart, at least."""
    log.loop.advance(INTERVAL)
    log.commit()
    log.loop.advance(INTERVAL * 0.9)
    log.commit()
    assert log.size == 1
    log.loop.advance(INTERVAL * 0.1)
    assert log.size == 2


def test_when_the_interval_is_over_the_newest_head_is_published(
    log: Publishing,
) -> None:
    """The others in between are skipped."""
    log.loop.advance(INTERVAL)
    for _ in range(10):
        log.commit()
    log.loop.advance(INTERVAL)
    assert log.publisher.published is log.newest


def test_an_idle_log_signs_anew_so_that_its_age_is_known(log: Publishing) -> None:
    """The same tree, under a later time."""
    log.loop.advance(INTERVAL)
    log.commit()
    before = log.publisher.published
    log.loop.advance(REPUBLISH)
    published = log.publisher.published
    assert (published.size, published.root_hash) == (before.size, before.root_hash)
    assert published.timestamp > before.timestamp


def test_an_idle_log_signs_anew_again_and_again(log: Publishing) -> None:
    """Once each time, and not more often."""
    log.loop.advance(REPUBLISH * 5.5)
    assert log.signed_anew == 5


def test_a_log_that_could_not_sign_is_asked_again(log: Publishing) -> None:
    """One failure does not make an idle log silent for good."""
    log.signs = False
    log.loop.advance(REPUBLISH * 1.5)
    log.signs = True
    log.loop.advance(REPUBLISH)
    assert log.publisher.published.timestamp == 2


def test_a_busy_log_does_not_sign_anew(log: Publishing) -> None:
    """Its commits are news enough."""
    for _ in range(2000):
        log.loop.advance(INTERVAL)
        log.commit()
    assert log.signed_anew == 0


def test_a_head_of_the_same_time_is_signed_anew_before_it_is_published(
    log: Publishing,
) -> None:
    """RFC 6962 section 3.5: the time of each tree head is later than the last one's."""
    log.commit(later=0)
    log.loop.advance(INTERVAL)
    assert log.size == 1
    assert log.signed_anew == 1
    assert log.publisher.published.timestamp == 2


def test_a_closed_publisher_asks_for_nothing(log: Publishing) -> None:
    """No timer outlives the log."""
    log.commit()
    log.publisher.close()
    log.loop.advance(10 * REPUBLISH)
    assert log.size == 0
    assert log.signed_anew == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_offered_times_rise_and_intervals_are_kept(
    log: Publishing, seed: int
) -> None:
    """And what was committed last is public in the end."""
    chance = random.Random(seed)
    published = [(log.loop.now, log.publisher.published)]
    for _ in range(500):
        if chance.random() < 0.5:
            log.commit(later=chance.choice([0, 0, 1, 5]))
        log.loop.advance(chance.choice([0, 0.001, 0.3, 1.0, 2.5]))
        if log.publisher.published is not published[-1][1]:
            published.append((log.publisher._published_at, log.publisher.published))
    log.loop.advance(2 * INTERVAL)
    for (earlier, old), (later, new) in pairwise(published):
        assert new.timestamp > old.timestamp
        assert new.size >= old.size
        assert later - earlier > INTERVAL - 1e-6
    assert log.size == log.newest.size


async def until_published(log: Log) -> None:
    async with asyncio.timeout(10):
        while log.published.size < log.head.size:
            await asyncio.sleep(0.005)


@pytest.fixture
def quick(on_memory: LogOnMemory) -> LogOnMemory:
    """Return an empty log with the shortest interval."""
    config = LogConfig(origin=ORIGIN, checkpoint=CheckpointConfig(interval=0.01))
    on_memory.folder = LogFolder(on_memory.folder.path, config)
    return on_memory


async def test_a_clock_that_stands_still_stops_no_publishing(
    quick: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a clock went back it may do so for hours, as far as a log can tell."""
    monkeypatch.setattr(sequencer, "now_ms", lambda: 1000)
    async with quick.open() as log:
        for i in range(20):
            before = log.published
            await log.add([b"%d" % i])
            await until_published(log)
            assert log.published.timestamp > before.timestamp
        # One more commit for each, to sign it anew: not one each millisecond.
        assert quick.store.commits <= 2 * 20 + 2


async def test_the_last_head_of_a_frozen_log_is_published(
    quick: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be signed anew any more: its time is late enough at once."""
    monkeypatch.setattr(sequencer, "now_ms", lambda: 1000)
    async with quick.open() as log:
        await log.add([b"first"])
        waiting = log.submit([b"last"])
        await log.freeze("retired")
        await waiting
        await until_published(log)
        assert log.published is log.head


async def test_a_frozen_log_never_signs(
    on_memory: LogOnMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is asked to, and not when its store has failed and comes back."""
    async with on_memory.open() as log:
        await log.add([b"last"])
        await log.freeze("retired")
        last = log.head.note

    def sign(*_args: object, **_keywords: object) -> bytes:
        raise AssertionError("signed")

    monkeypatch.setattr(LogKeys, "sign_checkpoint", sign)
    async with on_memory.open() as log:
        log._sequencer.resign()
        on_memory.store.fail_next_commit()
        log._sequencer.check_store()
        async with asyncio.timeout(10):
            while on_memory.store._faults or log.state == "recovering":
                await asyncio.sleep(0.01)
        assert log.head.note == log.published.note == last
