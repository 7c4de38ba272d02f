"""What the memory store does beyond the contract: faults, held commits, the oracle."""

import asyncio
from pathlib import Path

import pytest

from merklelog.errors import StorageError, StorageFailed
from merklelog.storage.interface import Batch
from merklelog.storage.keyspace import segment_key
from merklelog.storage.memory import MemoryStore


def puts(*pairs: tuple[bytes, bytes]) -> Batch:
    batch = Batch()
    for key, value in pairs:
        batch.put(key, value)
    return batch


@pytest.mark.parametrize(("persisted", "found"), [(False, None), (True, b"1")])
async def test_a_failed_commit_is_stored_or_not(
    persisted: bool, found: bytes | None
) -> None:
    store = MemoryStore()
    store.fail_next_commit(persisted=persisted)
    with pytest.raises(StorageFailed):
        await store.commit(puts((b"k", b"1")))
    await store.reopen()

    assert await store.get(b"k") == found


async def test_after_a_failed_commit_nothing_works_until_reopened() -> None:
    store = MemoryStore()
    store.fail_next_commit()
    with pytest.raises(StorageFailed):
        await store.commit(Batch())
    with pytest.raises(StorageFailed):
        await store.get(b"k")
    with pytest.raises(StorageFailed):
        await store.commit(Batch())
    await store.reopen()

    await store.commit(Batch())


async def test_commits_queued_behind_a_failed_one_fail_too() -> None:
    store = MemoryStore()
    store.fail_next_commit()
    commits = [store.commit(puts((b"a", b""))), store.commit(puts((b"b", b"")))]
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    await store.reopen()

    assert [type(outcome) for outcome in outcomes] == [StorageFailed] * 2
    assert await store.get_many([b"a", b"b"]) == [None, None]


async def test_several_faults_can_be_ordered() -> None:
    store = MemoryStore()
    store.fail_next_commit()
    store.fail_next_commit(persisted=True)
    for _ in range(2):
        with pytest.raises(StorageFailed):
            await store.commit(puts((b"k", b"1")))
        await store.reopen()

    assert await store.get(b"k") == b"1"


async def test_a_broken_disk_fails_until_it_is_mended() -> None:
    store = MemoryStore()
    store.break_disk()
    with pytest.raises(StorageFailed):
        await store.commit(Batch())
    with pytest.raises(StorageError, match="cannot open"):
        await store.reopen()
    store.mend_disk()
    await store.reopen()

    await store.commit(Batch())


async def test_held_commits_wait() -> None:
    store = MemoryStore()
    store.hold_commits()
    commit = asyncio.create_task(store.commit(puts((b"k", b"1"))))
    await asyncio.sleep(0.01)
    assert await store.get(b"k") is None
    store.release_commits()
    await commit

    assert await store.get(b"k") == b"1"
    assert store.commits == 1


async def test_a_restarted_store_has_what_was_stored_and_no_more() -> None:
    store = MemoryStore()
    await store.commit(puts((b"a", b"1")))
    restarted = store.restarted()
    await store.commit(puts((b"b", b"2")))

    assert await restarted.scan(b"a", b"z", limit=9) == [(b"a", b"1")]


async def test_a_copy_is_a_store_of_its_own() -> None:
    store = MemoryStore()
    await store.commit(puts((b"a", b"1")))
    await store.copy_to(Path("copy"))

    assert await store.copies[Path("copy")].get(b"a") == b"1"


@pytest.mark.parametrize("value", [b"2", None])
async def test_rewriting_history_is_an_assertion_error(value: bytes | None) -> None:
    store = MemoryStore()
    await store.commit(puts((segment_key(0), b"1")))
    batch = Batch()
    batch.operations.append((segment_key(0), value))
    with pytest.raises(AssertionError, match="rewrites history"):
        await store.commit(batch)

    assert await store.get(segment_key(0)) == b"1"


async def test_rewriting_within_one_batch_is_noticed() -> None:
    with pytest.raises(AssertionError, match="rewrites history"):
        await MemoryStore().commit(puts((segment_key(0), b"1"), (segment_key(0), b"2")))
