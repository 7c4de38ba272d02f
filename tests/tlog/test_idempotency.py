"""Idempotency keys: what is sent twice is in the log once, whatever goes wrong."""

import asyncio
import random
from collections import Counter

import pytest
from memorylog import LogOnMemory

from merklelog.errors import IdempotencyConflict, PoolFull, StorageFailed
from merklelog.storage.keyspace import encode_idempotency, idempotency_key
from merklelog.tlog import Commitment, Log
from merklelog.tlog.commitment import Replay
from merklelog.tlog.idempotency import idempotency_record


async def entries_of(log: Log) -> list[bytes]:
    return await log.reader.entries(0, log.head.size)


async def back_in_service(log: Log) -> None:
    async with asyncio.timeout(20):
        while log.state == "recovering":
            await asyncio.sleep(0.01)


async def taken(*requests: "asyncio.Task[Commitment | Replay]") -> None:
    """Let *requests* run until they wait for the store."""
    for _ in range(10 * len(requests)):
        await asyncio.sleep(0)


def keys_stored(on_memory: LogOnMemory) -> int:
    return sum(key.startswith(b"i") for key in on_memory.store._keys)


async def test_the_same_key_with_the_same_content_is_taken_once(
    on_memory: LogOnMemory,
) -> None:
    """The second request learns where the first one's entries are."""
    async with on_memory.open() as log:
        await log.add([b"before"])
        await log.submit_once([b"a", b"b"], key="k")
        replay = await log.submit_once([b"a", b"b"], key="k")
        assert replay == Replay(1, 2)
        await on_memory.check(log, [b"before", b"a", b"b"])


async def test_a_replay_can_be_proven(on_memory: LogOnMemory) -> None:
    """What the log already has gets a receipt under the newest head."""
    async with on_memory.open() as log:
        await log.submit_once([b"a"], key="k")
        await log.add([b"later"])
        replay = await log.submit_once([b"a"], key="k")
        receipt = await log.reader.receipt(replay.first_index, log.head)
        on_memory.verify(receipt, b"a")


@pytest.mark.parametrize(
    "other",
    [[b"b"], [b"a", b"a"], [b"a", b"b", b"c"], [b"ab"], [b"b", b"a"]],
)
async def test_the_same_key_with_other_content_is_refused(
    on_memory: LogOnMemory, other: list[bytes]
) -> None:
    """A key never stands for two contents, however these are divided into entries."""
    async with on_memory.open() as log:
        await log.submit_once([b"a", b"b"], key="k")
        with pytest.raises(IdempotencyConflict, match="at index 0"):
            await log.submit_once(other, key="k")
        await on_memory.check(log, [b"a", b"b"])


async def test_requests_at_once_with_one_key_are_taken_once(
    on_memory: LogOnMemory,
) -> None:
    """No two of them find the key unused."""
    async with on_memory.open() as log:
        outcomes = await asyncio.gather(
            *(log.submit_once([b"a"], key="k") for _ in range(20))
        )
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds == {Commitment: 1, Replay: 19}
        await on_memory.check(log, [b"a"])


async def test_of_two_contents_at_once_one_is_refused(on_memory: LogOnMemory) -> None:
    """The one that came second, even while the first is not stored yet."""
    async with on_memory.open() as log:
        first, second = await asyncio.gather(
            log.submit_once([b"a"], key="k"),
            log.submit_once([b"b"], key="k"),
            return_exceptions=True,
        )
        assert isinstance(first, Commitment)
        assert isinstance(second, IdempotencyConflict)
        await on_memory.check(log, [b"a"])


async def test_other_keys_do_not_wait_for_a_pending_one(on_memory: LogOnMemory) -> None:
    """Group commit goes on for everybody else: both are in one commit."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        requests = [
            asyncio.create_task(log.submit_once([b"%d" % i], key=f"{i}"))
            for i in range(5)
        ]
        await taken(*requests)
        before = on_memory.store.commits
        on_memory.store.release_commits()
        await asyncio.gather(*requests)
        assert on_memory.store.commits - before <= 2


@pytest.mark.parametrize("persisted", [False, True])
async def test_after_a_failed_commit_the_store_settles_what_a_key_stands_for(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """Sent again, the entry is in the log once, whether or not it was stored."""
    async with on_memory.open() as log:
        on_memory.store.fail_next_commit(persisted=persisted)
        with pytest.raises(StorageFailed):
            await log.submit_once([b"a"], key="k")
        await back_in_service(log)
        again = await log.submit_once([b"a"], key="k")
        assert isinstance(again, Replay if persisted else Commitment)
        await on_memory.check(log, [b"a"])


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_second_request_that_waits_through_a_failed_commit_adds_nothing(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """It is not acknowledged by what it could not read either."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        first = asyncio.create_task(log.submit_once([b"a"], key="k"))
        second = asyncio.create_task(log.submit_once([b"a"], key="k"))
        await taken(first, second)
        on_memory.store.fail_next_commit(persisted=persisted)
        on_memory.store.release_commits()
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(outcomes[0], StorageFailed)
        await back_in_service(log)
        await log.submit_once([b"a"], key="k")
        await on_memory.check(log, [b"a"])


async def test_a_replay_beyond_the_signed_head_is_not_answered(
    on_memory: LogOnMemory,
) -> None:
    """While the log recovers its store may show a key whose entries are not signed."""
    record = idempotency_record("", "k", [b"a"])
    async with on_memory.open() as log:
        key = idempotency_key(record.digest)
        on_memory.plant(key, encode_idempotency(record.fingerprint, 0, 1))
        with pytest.raises(StorageFailed):
            await log.submit_once([b"a"], key="k")


async def test_a_cancelled_request_keeps_its_key_until_it_is_stored(
    on_memory: LogOnMemory,
) -> None:
    """The client that gave up and sends again does not get a second entry."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        first = asyncio.create_task(log.submit_once([b"a"], key="k"))
        await taken(first)
        first.cancel()
        second = asyncio.create_task(log.submit_once([b"a"], key="k"))
        await taken(first, second)
        on_memory.store.release_commits()
        assert await second == Replay(0, 1)
        await on_memory.check(log, [b"a"])


async def test_a_cancelled_request_that_waits_for_a_key_does_not_hold_it(
    on_memory: LogOnMemory,
) -> None:
    """The third in the queue gets its turn although the second went away."""
    async with on_memory.open() as log:
        on_memory.store.hold_commits()
        first, second, third = (
            asyncio.create_task(log.submit_once([b"a"], key="k")) for _ in range(3)
        )
        await taken(first, second, third)
        second.cancel()
        on_memory.store.release_commits()
        assert isinstance(await first, Commitment)
        assert await third == Replay(0, 1)


async def test_a_key_that_a_full_pool_refused_is_free_again(
    on_memory: LogOnMemory,
) -> None:
    """Nothing was taken, so the same key is a first use later."""
    async with on_memory.open(pool_bytes=10_000) as log:
        on_memory.store.hold_commits()
        filling = log.submit([bytes([1]) * 9_000])
        with pytest.raises(PoolFull):
            await log.submit_once([bytes([2]) * 9_000], key="k")
        on_memory.store.release_commits()
        await filling
        again = await log.submit_once([bytes([2]) * 9_000], key="k")
        assert isinstance(again, Commitment)


async def test_a_key_is_known_after_a_restart(on_memory: LogOnMemory) -> None:
    """Keys are stored with the log, and never expire."""
    async with on_memory.open() as log:
        await log.submit_once([b"a"], key="k")
    async with on_memory.open() as log:
        assert await log.submit_once([b"a"], key="k") == Replay(0, 1)


async def test_a_frozen_log_still_answers_what_it_has(on_memory: LogOnMemory) -> None:
    """A retry after the end is not told that its entry was refused."""
    async with on_memory.open() as log:
        await log.submit_once([b"a"], key="k")
        await log.freeze("retired")
        assert await log.submit_once([b"a"], key="k") == Replay(0, 1)


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_key_is_stored_with_its_entries_or_not_at_all(
    on_memory: LogOnMemory, persisted: bool
) -> None:
    """A process that dies in the commit leaves both or neither."""
    async with on_memory.open() as log:
        on_memory.store.fail_next_commit(persisted=persisted)
        with pytest.raises(StorageFailed):
            await log.submit_once([b"a"], key="k")
        on_memory.store = on_memory.store.restarted()
        assert keys_stored(on_memory) == persisted
    async with on_memory.open() as log:
        assert log.head.size == persisted


async def test_two_writers_may_use_the_same_key(on_memory: LogOnMemory) -> None:
    """Nobody can take or probe a key of somebody else."""
    async with on_memory.open() as log:
        await log.submit_once([b"a"], key="k", writer="alice")
        second = await log.submit_once([b"a"], key="k", writer="bob")
        assert isinstance(second, Commitment)


async def test_a_writer_cannot_reach_into_the_keys_of_another() -> None:
    """Names are not run together: ("a", "bk") is not ("ab", "k")."""
    first = idempotency_record("a", "bk", [b"x"])
    second = idempotency_record("ab", "k", [b"x"])
    assert first.digest != second.digest


async def run_one(
    log: Log, chance: random.Random, told: list[tuple[bytes, int]]
) -> None:
    """Send one of few keys with one of two contents; note where it was said to be."""
    key = f"{chance.randrange(6)}"
    entry = f"{key}:{chance.randrange(2)}".encode()
    for _ in range(chance.randrange(4)):
        await asyncio.sleep(0)
    try:
        outcome = await log.submit_once([entry], key=key)
    except (IdempotencyConflict, StorageFailed):
        return
    told.append((entry, outcome.first_index))


@pytest.mark.parametrize("seed", range(40))
async def test_random_interleavings_put_each_key_into_the_log_once(
    on_memory: LogOnMemory, seed: int
) -> None:
    """With requests that go away and commits that fail, in every order."""
    chance = random.Random(seed)
    told: list[tuple[bytes, int]] = []
    async with on_memory.open() as log:
        for _ in range(6):
            if chance.random() < 0.5:
                on_memory.store.hold_commits()
            if chance.random() < 0.4:
                on_memory.store.fail_next_commit(persisted=chance.random() < 0.5)
            requests = [
                asyncio.create_task(run_one(log, chance, told)) for _ in range(8)
            ]
            for request in requests:
                if chance.random() < 0.3:
                    await asyncio.sleep(0)
                    request.cancel()
            on_memory.store.release_commits()
            await asyncio.gather(*requests, return_exceptions=True)
            await back_in_service(log)
        entries = await entries_of(log)
        keys = Counter(entry.split(b":")[0] for entry in entries)
        assert set(keys.values()) <= {1}
        assert all(entries[index] == entry for entry, index in told)
        await on_memory.check(log, entries)


async def test_what_waits_for_a_pending_key_is_bounded(on_memory: LogOnMemory) -> None:
    """Else a stalled disk and one key would hold any number of bodies in memory."""
    async with on_memory.open(pool_bytes=10_000) as log:
        on_memory.store.hold_commits()
        first = asyncio.create_task(log.submit_once([b"entry"], key="key"))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(log.submit_once([bytes(8_000)], key="key"))
        await asyncio.sleep(0.01)
        with pytest.raises(PoolFull):
            await log.submit_once([bytes(8_000)], key="key")
        on_memory.store.release_commits()
        await first
        with pytest.raises(IdempotencyConflict):
            await waiting
