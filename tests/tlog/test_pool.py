"""The pool: bounded, in order, and no submission is ever divided."""

import asyncio

import pytest

from merklelog.errors import PoolFull, StorageFailed
from merklelog.tlog.pool import (
    COMMIT_BYTES,
    ENTRY_OVERHEAD,
    Pool,
    Submission,
)

LIMIT = 1 << 30


def submission(*entries: bytes) -> Submission:
    loop = asyncio.get_running_loop()
    return Submission(entries, [bytes(32)] * len(entries), loop.create_future())


async def test_the_weight_of_an_entry_is_its_bytes_and_what_goes_with_it() -> None:
    """A pool of empty words is bounded too."""
    assert submission(b"abc", b"d").weight == 4 + 2 * ENTRY_OVERHEAD


async def test_a_pool_takes_to_its_limit_and_not_a_byte_more() -> None:
    """What it refuses leaves no trace."""
    pool = Pool(2 * (ENTRY_OVERHEAD + 10))
    pool.add(submission(bytes(10)))
    with pytest.raises(PoolFull):
        pool.add(submission(bytes(11)))
    assert pool.weight == ENTRY_OVERHEAD + 10
    pool.add(submission(bytes(10)))
    assert len(pool.take()) == 2


async def test_what_is_being_committed_counts_until_it_is_released() -> None:
    """A slow disk does not double the memory that the pool holds."""
    pool = Pool(ENTRY_OVERHEAD + 10)
    pool.add(submission(bytes(10)))
    pool.take()
    with pytest.raises(PoolFull):
        pool.add(submission(b"x"))
    pool.release()
    pool.add(submission(b"x"))


async def test_an_empty_pool_takes_one_submission_of_any_size() -> None:
    """Otherwise one that is larger than the pool could never be committed."""
    pool = Pool(10)
    pool.add(submission(bytes(1000)))
    with pytest.raises(PoolFull):
        pool.add(submission(b"x"))


async def test_submissions_leave_in_the_order_in_which_they_came() -> None:
    pool = Pool(LIMIT)
    added = [submission(b"%d" % i) for i in range(10)]
    for one in added:
        pool.add(one)
    assert pool.take() == added
    assert not pool


async def test_one_commit_takes_no_more_than_its_bound() -> None:
    """The rest waits for the next, in order."""
    pool = Pool(LIMIT)
    added = [submission(bytes(60_000)) for _ in range(300)]
    for one in added:
        pool.add(one)
    count = COMMIT_BYTES // (60_000 + ENTRY_OVERHEAD)
    assert pool.take() == added[:count]
    assert pool.take() == added[count:]


async def test_a_submission_larger_than_a_commit_is_not_divided() -> None:
    """All of its entries are committed, or none."""
    pool = Pool(LIMIT)
    large = submission(*[b"x"] * (COMMIT_BYTES // ENTRY_OVERHEAD))
    pool.add(submission(b"before"))
    pool.add(large)
    pool.add(submission(b"after"))
    assert len(pool.take()) == 1
    assert pool.take() == [large]
    assert len(pool.take()) == 1


async def test_the_weight_returns_to_zero() -> None:
    """Whatever way submissions leave."""
    pool = Pool(LIMIT)
    for _ in range(3):
        pool.add(submission(b"abc"))
    pool.take()
    pool.add(submission(b"abc"))
    pool.fail_all(StorageFailed("broken"))
    pool.release()
    assert pool.weight == 0


async def test_everybody_who_waits_in_the_pool_is_told_of_a_failure() -> None:
    pool = Pool(LIMIT)
    waiting = [submission(b"%d" % i) for i in range(3)]
    for one in waiting:
        pool.add(one)
    waiting[1].done.cancel()
    pool.fail_all(StorageFailed("broken"))
    assert not pool
    for one in (waiting[0], waiting[2]):
        with pytest.raises(StorageFailed):
            one.done.result()
