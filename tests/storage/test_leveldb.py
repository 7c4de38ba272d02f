"""What is LevelDB's own: threads, errors that stick, damage, locks, copies."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import plyvel
import pytest

from merklelog.errors import (
    Conflict,
    CorruptStore,
    MissingLevelDB,
    MissingStore,
    StorageError,
    StorageFailed,
    StoreHeld,
)
from merklelog.storage import leveldb
from merklelog.storage.interface import Batch
from merklelog.storage.leveldb import LevelDBStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LevelDBStore]:
    store = await LevelDBStore.open(tmp_path / "store", create=True)
    yield store
    await store.close()


def puts(*pairs: tuple[bytes, bytes]) -> Batch:
    batch = Batch()
    for key, value in pairs:
        batch.put(key, value)
    return batch


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let every write beyond *size* bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# -- opening ----------------------------------------------------------------------


async def test_a_missing_store_is_an_error_and_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingStore, match="there is no store in"):
        await LevelDBStore.open(tmp_path / "absent")

    assert not (tmp_path / "absent").exists()


async def test_a_store_that_lost_its_current_file_is_not_started_anew(
    tmp_path: Path,
) -> None:
    store = await LevelDBStore.open(tmp_path, create=True)
    await store.commit(puts((b"k", b"v")))
    await store.close()
    (tmp_path / "CURRENT").unlink()

    with pytest.raises(MissingStore, match="restore the folder from a backup"):
        await LevelDBStore.open(tmp_path, create=True)


async def test_create_opens_what_exists(tmp_path: Path) -> None:
    for value in (None, b"1"):
        store = await LevelDBStore.open(tmp_path, create=True)
        assert await store.get(b"k") == value
        await store.commit(puts((b"k", b"1")))
        await store.close()


async def test_a_new_store_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = await LevelDBStore.open(tmp_path / "store", create=True)
    await store.close()

    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("store")
async def test_a_store_is_opened_once_in_a_process(tmp_path: Path) -> None:
    with pytest.raises(StoreHeld, match="is held by another process; is a server"):
        await LevelDBStore.open(tmp_path / "store")


HOLD = """
import plyvel, sys
db = plyvel.DB(sys.argv[1], create_if_missing=True)
print(flush=True)
sys.stdin.read()
"""


async def test_a_store_that_another_process_has_open_is_held(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreHeld, match="is a server running"):
            await LevelDBStore.open(tmp_path)
        holder.communicate()


async def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(StorageError):
        await LevelDBStore.open(tmp_path / "store", create=True)


async def test_without_plyvel_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "plyvel", None)
    with pytest.raises(MissingLevelDB, match=r"3\.11 and 3\.12.*libleveldb-dev.*C\+\+"):
        await LevelDBStore.open(tmp_path, create=True)


# -- threads ----------------------------------------------------------------------


async def test_calling_leveldb_on_the_event_loop_is_an_assertion_error(
    store: LevelDBStore,
) -> None:
    with pytest.raises(AssertionError, match="on the event loop"):
        store._get(b"k")


async def test_closing_waits_for_readers(store: LevelDBStore) -> None:
    """LevelDB crashes the process when it is closed under a reader."""
    batch = puts(*((b"%06d" % n, bytes(1000)) for n in range(5000)))
    await store.commit(batch)
    scans = [asyncio.create_task(store.scan(b"0", b"9", limit=5000)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()

    assert [len(pairs) for pairs in await asyncio.gather(*scans)] == [5000] * 20


async def test_closing_twice_at_once_waits_for_the_release(tmp_path: Path) -> None:
    store = await LevelDBStore.open(tmp_path, create=True)
    await asyncio.gather(store.close(), store.close())

    await (await LevelDBStore.open(tmp_path)).close()


async def test_a_cancelled_commit_happens_and_disturbs_nobody(
    store: LevelDBStore,
) -> None:
    commit = asyncio.create_task(store.commit(puts((b"k", b"1"))))
    await asyncio.sleep(0)
    commit.cancel()
    await store.commit(Batch())

    assert commit.cancelled()
    assert await store.get(b"k") == b"1"


def test_a_loop_that_is_gone_does_not_stop_the_writer_thread(tmp_path: Path) -> None:
    """What a program had begun when it ended is finished, and the folder released."""

    async def abandon() -> None:
        store = await LevelDBStore.open(tmp_path, create=True)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        closing.cancel()

    async def find() -> None:
        async with asyncio.timeout(10):
            while True:
                try:
                    store = await LevelDBStore.open(tmp_path)
                except StoreHeld:
                    await asyncio.sleep(0.01)
                else:
                    return await store.close()

    asyncio.run(abandon())
    asyncio.run(find())


# -- failures ---------------------------------------------------------------------


async def test_a_failed_write_sticks_until_reopened(store: LevelDBStore) -> None:
    await store.commit(puts((b"before", b"1")))
    with files_limited_to(1 << 20):
        with pytest.raises(StorageFailed, match="whether it is stored is unknown") as e:
            await store.commit(puts((b"big", os.urandom(2 << 20))))
        assert isinstance(e.value.__cause__, StorageError)
        assert isinstance(e.value.__cause__.__cause__, plyvel.Error)
    with pytest.raises(StorageFailed, match="out of service"):
        await store.commit(puts((b"after", b"1")))
    with pytest.raises(StorageFailed, match="out of service"):
        await store.get(b"before")
    await store.reopen()

    assert await store.get_many([b"before", b"big", b"after"]) == [b"1", None, None]
    await store.commit(puts((b"after", b"1")))


async def test_commits_queued_behind_a_failed_one_are_refused(
    store: LevelDBStore,
) -> None:
    with files_limited_to(1 << 20):
        outcomes = await asyncio.gather(
            store.commit(puts((b"big", os.urandom(2 << 20)))),
            store.commit(puts((b"small", b"1"))),
            return_exceptions=True,
        )
    await store.reopen()

    assert [type(outcome) for outcome in outcomes] == [StorageFailed] * 2
    assert await store.get(b"small") is None


async def test_half_a_batch_is_never_written(store: LevelDBStore) -> None:
    batch = puts((b"a", b"1"))
    batch.put(b"b", "not bytes")  # type: ignore[arg-type]
    with pytest.raises(StorageFailed):
        await store.commit(batch)
    await store.reopen()

    assert await store.get(b"a") is None


async def test_a_conflict_does_not_stick(store: LevelDBStore) -> None:
    with pytest.raises(Conflict):
        await store.commit(Batch(), expect={b"h": b"1"})

    await store.commit(Batch(), expect={b"h": None})


async def test_reopening_can_fail_and_be_repeated(
    store: LevelDBStore, tmp_path: Path
) -> None:
    await store.commit(puts((b"k", b"1")))
    folder, away = tmp_path / "store", tmp_path / "away"
    folder.rename(away)
    for _ in range(2):
        with pytest.raises(MissingStore):
            await store.reopen()
        with pytest.raises(StorageFailed, match="could not be reopened"):
            await store.get(b"k")
    away.rename(folder)
    await store.reopen()

    assert await store.get(b"k") == b"1"


async def test_a_store_that_could_not_be_reopened_can_be_closed(
    store: LevelDBStore, tmp_path: Path
) -> None:
    (tmp_path / "store").rename(tmp_path / "away")
    with pytest.raises(MissingStore):
        await store.reopen()

    await store.close()


# -- crashes and damage -----------------------------------------------------------

COMMIT_AND_DIE = """
import asyncio, os, pathlib, signal, sys
from merklelog.storage.interface import Batch
from merklelog.storage.leveldb import LevelDBStore

async def main():
    store = await LevelDBStore.open(pathlib.Path(sys.argv[1]), create=True)
    for n in range(20):
        batch = Batch()
        batch.put(b"%03d" % n, os.urandom(5000))
        await store.commit(batch)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder whose process was killed after 20 commits of 5,000 bytes."""
    died = subprocess.run(
        [sys.executable, "-c", COMMIT_AND_DIE, tmp_path / "killed"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    return tmp_path / "killed"


async def keys_of(path: Path) -> int:
    store = await LevelDBStore.open(path)
    try:
        return len(await store.scan(b"0", b"9", limit=100))
    finally:
        await store.close()


async def test_sigkill_loses_no_commit_that_returned(killed: Path) -> None:
    assert await keys_of(killed) == 20


async def test_a_write_that_was_cut_off_is_dropped_on_opening(killed: Path) -> None:
    (log,) = killed.glob("*.log")
    os.truncate(log, log.stat().st_size - 1500)

    assert await keys_of(killed) == 19


async def test_a_flipped_bit_in_the_write_ahead_log_refuses_to_open(
    killed: Path,
) -> None:
    """LevelDB by itself would open it, with some of the commits missing."""
    (log,) = killed.glob("*.log")
    flip(log, 40_000)

    with pytest.raises(CorruptStore, match="checksum mismatch"):
        await keys_of(killed)


async def test_a_flipped_bit_in_a_table_is_corruption_when_read(killed: Path) -> None:
    assert await keys_of(killed) == 20  # opening wrote the log into a table
    (table,) = killed.glob("*.ldb")
    flip(table, 30_000)

    with pytest.raises(CorruptStore):
        await keys_of(killed)


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


# -- copies -----------------------------------------------------------------------


async def test_a_copy_is_a_store_as_of_the_call(
    store: LevelDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits go on meanwhile, and are not in it."""
    monkeypatch.setattr(leveldb, "_COPY_BYTES", 1000)
    pairs = [(b"%03d" % n, os.urandom(100)) for n in range(300)]
    await store.commit(puts(*pairs))
    told: list[int] = []
    copying = asyncio.create_task(store.copy_to(tmp_path / "copy", told.append))
    while not told:
        await asyncio.sleep(0)
    await store.commit(puts((b"999", b"late")))
    await copying
    copy = await LevelDBStore.open(tmp_path / "copy")

    assert await copy.scan(b"0", b"999\xff", limit=999) == pairs
    assert told[0] < told[-1] == 300
    await copy.close()


async def test_a_copy_does_not_go_over_anything(
    store: LevelDBStore, tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "file").touch()
    with pytest.raises(StorageError, match="is not empty"):
        await store.copy_to(tmp_path / "copy")


async def test_a_cancelled_copy_lets_go_of_the_store(
    store: LevelDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "_COPY_BYTES", 100)
    await store.commit(puts(*((b"%05d" % n, bytes(100)) for n in range(20_000))))
    told: list[int] = []
    copying = asyncio.create_task(store.copy_to(tmp_path / "copy", told.append))
    while not told:
        await asyncio.sleep(0)
    copying.cancel()
    async with asyncio.timeout(10):
        await store.close()

    assert told[-1] < 20_000


async def test_a_copy_ends_when_the_store_is_closed(
    store: LevelDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "_COPY_BYTES", 100)
    await store.commit(puts(*((b"%05d" % n, bytes(100)) for n in range(20_000))))
    told: list[int] = []
    copying = asyncio.create_task(store.copy_to(tmp_path / "copy", told.append))
    while not told:
        await asyncio.sleep(0)
    await store.close()

    with pytest.raises(StorageFailed, match="closed"):
        await copying
