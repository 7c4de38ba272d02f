"""One suite for every implementation of the store's contract."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from merklelog.errors import Conflict, StorageError, StorageFailed
from merklelog.storage.interface import Batch, Store
from merklelog.storage.leveldb import LevelDBStore
from merklelog.storage.memory import MemoryStore


@pytest.fixture(params=["leveldb", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store: Store = MemoryStore()
    if request.param == "leveldb":
        store = await LevelDBStore.open(tmp_path / "store", create=True)
    yield store
    await store.close()


def puts(*pairs: tuple[bytes, bytes]) -> Batch:
    batch = Batch()
    for key, value in pairs:
        batch.put(key, value)
    return batch


# -- reading ----------------------------------------------------------------------


async def test_a_missing_key_reads_as_none(store: Store) -> None:
    assert await store.get(b"k") is None


async def test_a_value_may_be_empty(store: Store) -> None:
    await store.commit(puts((b"k", b"")))

    assert await store.get(b"k") == b""


async def test_get_many_keeps_the_order_and_marks_what_is_missing(store: Store) -> None:
    await store.commit(puts((b"a", b"1"), (b"b", b"2")))

    assert await store.get_many([b"b", b"x", b"a", b"b"]) == [b"2", None, b"1", b"2"]


async def test_get_many_of_nothing_is_nothing(store: Store) -> None:
    assert await store.get_many([]) == []


async def test_scan_is_half_open_and_ascending(store: Store) -> None:
    await store.commit(puts((b"c", b"3"), (b"a", b"1"), (b"d", b"4"), (b"b", b"2")))

    assert await store.scan(b"a", b"c", limit=9) == [(b"a", b"1"), (b"b", b"2")]


async def test_scan_stops_at_its_limit(store: Store) -> None:
    await store.commit(puts(*((b"%d" % n, b"") for n in range(9))))

    assert await store.scan(b"2", b"9", limit=2) == [(b"2", b""), (b"3", b"")]


async def test_a_scan_of_an_empty_range_is_empty(store: Store) -> None:
    await store.commit(puts((b"a", b"1")))

    assert await store.scan(b"a", b"a", limit=9) == []
    assert await store.scan(b"b", b"a", limit=9) == []


async def test_keys_are_ordered_as_bytes(store: Store) -> None:
    keys = [b"\x00", b"\x00\x00", b"\x7f", b"\x80", b"\xff", b"\xff\x00"]
    await store.commit(puts(*((key, b"") for key in reversed(keys))))

    assert [key for key, _ in await store.scan(b"\x00", b"\xff\xff", limit=9)] == keys


async def test_seek_finds_the_key_itself_or_the_next(store: Store) -> None:
    await store.commit(puts((b"b", b"2"), (b"d", b"4")))

    assert await store.seek(b"b") == (b"b", b"2")
    assert await store.seek(b"c") == (b"d", b"4")


async def test_seek_past_the_last_key_finds_nothing(store: Store) -> None:
    await store.commit(puts((b"b", b"2")))

    assert await store.seek(b"c") is None


# -- committing -------------------------------------------------------------------


async def test_operations_apply_in_their_order(store: Store) -> None:
    batch = puts((b"a", b"1"), (b"a", b"2"), (b"b", b"1"))
    batch.delete(b"b")
    batch.delete(b"c")
    batch.put(b"c", b"3")
    await store.commit(batch)

    assert await store.get_many([b"a", b"b", b"c"]) == [b"2", None, b"3"]


async def test_deleting_what_is_absent_is_no_error(store: Store) -> None:
    batch = Batch()
    batch.delete(b"k")
    await store.commit(batch)

    assert await store.get(b"k") is None


async def test_a_deleted_key_is_gone_from_scans(store: Store) -> None:
    await store.commit(puts((b"a", b"1"), (b"b", b"2")))
    batch = Batch()
    batch.delete(b"a")
    await store.commit(batch)

    assert await store.scan(b"a", b"z", limit=9) == [(b"b", b"2")]
    assert await store.seek(b"a") == (b"b", b"2")


async def test_an_empty_batch_is_a_commit(store: Store) -> None:
    await store.commit(Batch())


async def test_a_commit_goes_through_when_what_it_expects_is_there(
    store: Store,
) -> None:
    await store.commit(puts((b"h", b"1")), expect={b"h": None})
    await store.commit(puts((b"h", b"2")), expect={b"h": b"1", b"absent": None})

    assert await store.get(b"h") == b"2"


@pytest.mark.parametrize("expected", [None, b"", b"0"])
async def test_a_conflict_writes_nothing_and_the_store_goes_on(
    store: Store, expected: bytes | None
) -> None:
    await store.commit(puts((b"h", b"1")))
    with pytest.raises(Conflict):
        await store.commit(puts((b"h", b"2"), (b"k", b"")), expect={b"h": expected})

    assert await store.get_many([b"h", b"k"]) == [b"1", None]
    await store.commit(puts((b"h", b"2")), expect={b"h": b"1"})


async def test_a_conflict_on_a_missing_key_writes_nothing(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.commit(puts((b"k", b"1")), expect={b"h": b""})

    assert await store.get(b"k") is None


async def test_commits_apply_in_the_order_of_their_calls(store: Store) -> None:
    commits = [
        store.commit(puts((b"n", b"%d" % (n + 1))), expect={b"n": b"%d" % n})
        for n in range(20)
    ]
    await store.commit(puts((b"n", b"0")))
    await asyncio.gather(*commits)

    assert await store.get(b"n") == b"20"


async def test_a_read_sees_commits_whole_or_not_at_all(store: Store) -> None:
    async def write() -> None:
        for n in range(50):
            await store.commit(puts((b"a", b"%d" % n), (b"b", b"%d" % n)))

    writing = asyncio.create_task(write())
    while not writing.done():
        a, b = await store.get_many([b"a", b"b"])
        scanned = await store.scan(b"a", b"c", limit=9)
        assert a == b
        assert len({value for _, value in scanned}) <= 1
        await asyncio.sleep(0)
    await writing


# -- exclusive, reopen, copy, close -------------------------------------------------


async def test_exclusive_admits_one_task_for_each_name(store: Store) -> None:
    inside: list[str] = []

    async def enter(name: str) -> None:
        async with store.exclusive(name):
            assert name not in inside
            inside.append(name)
            await asyncio.sleep(0)
            inside.remove(name)

    await asyncio.gather(*(enter(name) for name in "aabab"))


async def test_exclusive_does_not_wait_for_another_name(store: Store) -> None:
    async with store.exclusive("a"), asyncio.timeout(5), store.exclusive("b"):
        pass


async def test_exclusive_is_released_when_its_block_raises(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.exclusive("a"):
            raise ZeroDivisionError

    async with asyncio.timeout(5), store.exclusive("a"):
        pass


async def test_what_was_committed_is_there_after_reopening(store: Store) -> None:
    await store.commit(puts((b"k", b"v")))
    await store.reopen()

    assert await store.get(b"k") == b"v"
    await store.commit(puts((b"k", b"w")))


async def test_reopening_waits_for_reads_and_commits(store: Store) -> None:
    reads = [asyncio.create_task(store.get(b"k")) for _ in range(50)]
    commit = asyncio.create_task(store.commit(puts((b"k", b"v"))))
    await asyncio.sleep(0)
    await store.reopen()

    await asyncio.gather(*reads, return_exceptions=True)
    await asyncio.gather(commit, return_exceptions=True)
    await store.get(b"k")


async def test_a_copy_is_not_made_over_anything(store: Store, tmp_path: Path) -> None:
    await store.copy_to(tmp_path / "copy")
    with pytest.raises(StorageError, match="not empty"):
        await store.copy_to(tmp_path / "copy")


async def test_copying_tells_how_many_keys_it_has_copied(
    store: Store, tmp_path: Path
) -> None:
    told: list[int] = []
    await store.commit(puts((b"a", b""), (b"b", b"")))
    await store.copy_to(tmp_path / "copy", told.append)
    await asyncio.sleep(0)

    assert told == [2]


async def test_close_finishes_commits_that_were_called(store: Store) -> None:
    commits = [
        asyncio.create_task(store.commit(puts((b"%d" % n, b"")))) for n in range(9)
    ]
    await asyncio.sleep(0)
    await store.close()

    assert await asyncio.gather(*commits) == [None] * 9


async def test_close_may_be_called_twice(store: Store) -> None:
    await store.close()
    await store.close()


async def test_a_closed_store_does_nothing(store: Store, tmp_path: Path) -> None:
    await store.close()
    refused: list[Awaitable[object]] = [
        store.get(b"k"),
        store.get_many([b"k"]),
        store.scan(b"a", b"b", limit=1),
        store.seek(b"k"),
        store.commit(Batch()),
        store.reopen(),
        store.copy_to(tmp_path / "copy"),
    ]
    for call in refused:
        with pytest.raises(StorageFailed):
            await call
