"""Backup, restore and succession: nothing that was restored signs a second history."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from memorylog import ORIGIN

from merklelog import durable
from merklelog.errors import (
    ConfigError,
    FatalError,
    LogReadOnly,
    MissingStore,
    StorageError,
)
from merklelog.storage.leveldb import LevelDBStore
from merklelog.tlog import Log
from merklelog.tlog import backup as backup_module
from merklelog.tlog.backup import backup, restore, succeed
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.fsck import fsck
from merklelog.tlog.keyfiles import load_vkeys
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.storesource import StoreSource
from proofs.checkpoint import open_checkpoint
from proofs.errors import UnverifiedNote
from proofs.keys import parse_vkey

SUCCESSOR = "example.com/audit-2"


def numbers(start: int, end: int) -> list[bytes]:
    return [b"%d" % i for i in range(start, end)]


async def add(path: Path, entries: list[bytes]) -> None:
    async with Log.open(path) as log:
        await log.add(entries)


async def entries_in(path: Path) -> list[bytes]:
    async with Log.open(path) as log:
        return await log.reader.entries(0, log.head.size)


async def is_clean(path: Path) -> bool:
    store = await LevelDBStore.open(path / "store")
    try:
        return (await fsck(StoreSource(store, ORIGIN), load_vkeys(path))).clean
    finally:
        await store.close()


def lose(path: Path, *parts: str) -> None:
    """Lose parts of a log's folder."""
    for part in parts:
        if (path / part).is_dir():
            shutil.rmtree(path / part)
        else:
            (path / part).unlink()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Return the folder of a log with 300 entries."""
    path = tmp_path / "main"
    async with Log.open(path, origin=ORIGIN) as log:
        await log.add(numbers(0, 300))
    return path


@pytest.fixture
async def saved(path: Path, tmp_path: Path) -> Path:
    """Return a backup of it."""
    async with Log.open(path) as log:
        await backup(log, tmp_path / "saved")
    return tmp_path / "saved"


# -- backup -------------------------------------------------------------------------


async def test_a_backup_taken_under_load_is_a_whole_log(
    path: Path, tmp_path: Path
) -> None:
    """A snapshot of one instant, while entries are added before, during and after."""
    async with Log.open(path) as log:
        growing = asyncio.create_task(keep_adding(log))
        await log.wait_for_size(400)
        await backup(log, tmp_path / "saved")
        size = log.head.size
        await log.wait_for_size(size + 100)
        growing.cancel()
        await asyncio.wait([growing])
    assert await is_clean(tmp_path / "saved")
    shutil.copytree(path / "keys", tmp_path / "saved" / "keys", dirs_exist_ok=True)
    (tmp_path / "saved" / "guard").write_bytes((path / "guard").read_bytes())
    with pytest.raises(FatalError, match="rolled back"):
        await entries_in(tmp_path / "saved")


async def keep_adding(log: Log) -> None:
    i = 0
    while True:
        await log.add([b"more %d" % (i + j) for j in range(10)])
        i += 10


async def test_a_backup_has_no_private_key(saved: Path) -> None:
    """It may lie where the keys must not."""
    assert [p.name for p in (saved / "keys").iterdir()] == ["log.vkey"]


async def test_a_backup_goes_into_a_new_folder(path: Path, saved: Path) -> None:
    """An older backup is not replaced."""
    before = sorted(p for p in saved.rglob("*"))
    async with Log.open(path) as log:
        with pytest.raises(ConfigError, match="exists already"):
            await backup(log, saved)
    assert sorted(p for p in saved.rglob("*")) == before


async def test_a_backup_that_fails_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder that looks like one, and no garbage."""

    def fail(_folder: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(durable, "sync_below", fail)
    async with Log.open(path) as log:
        with pytest.raises((ConfigError, StorageError), match="no space left"):
            await backup(log, tmp_path / "saved")
    assert [p.name for p in tmp_path.iterdir()] == ["main"]


async def test_a_backup_that_is_killed_leaves_no_folder_that_looks_whole(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is complete and on disk it has another name."""

    def look(unfinished: Path, to: Path) -> None:
        assert unfinished.is_dir()
        assert not to.exists()
        raise OSError("seen")

    monkeypatch.setattr(backup_module, "_finish", look)
    async with Log.open(path) as log:
        with pytest.raises(ConfigError, match="seen"):
            await backup(log, tmp_path / "saved")


async def test_two_backups_at_once_do_not_mix(path: Path, tmp_path: Path) -> None:
    """One of them is whole, and the other is refused."""
    async with Log.open(path) as log:
        outcomes = await asyncio.gather(
            backup(log, tmp_path / "saved"),
            backup(log, tmp_path / "saved"),
            return_exceptions=True,
        )
    assert [type(o) for o in outcomes if o is not None] == [ConfigError]
    assert await is_clean(tmp_path / "saved")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["main", "saved"]


async def test_a_backup_reports_its_progress(path: Path, tmp_path: Path) -> None:
    done: list[int] = []
    async with Log.open(path) as log:
        await backup(log, tmp_path / "saved", progress=done.append)
        await asyncio.sleep(0)
    assert done[-1] > 300


# -- restore ------------------------------------------------------------------------


async def test_a_log_that_lost_its_store_goes_on_if_the_backup_has_all_of_it(
    path: Path, saved: Path
) -> None:
    """The guard says that nothing newer was released."""
    lose(path, "store")
    assert await restore(saved, path) is None
    await add(path, [b"after"])
    assert await entries_in(path) == [*numbers(0, 300), b"after"]


async def test_a_log_restored_behind_its_guard_is_frozen(
    path: Path, saved: Path
) -> None:
    """Appending would sign a second tree of size 301."""
    await add(path, [b"released"])
    lose(path, "store")
    reason = await restore(saved, path)
    assert reason is not None
    assert "a checkpoint of size 301 had been released" in reason
    async with Log.open(path) as log:
        assert log.read_only == reason
        with pytest.raises(LogReadOnly):
            await log.add([b"fork"])


async def test_a_log_restored_without_guard_is_frozen(path: Path, saved: Path) -> None:
    """Nobody knows what was released after the backup."""
    lose(path, "store", "guard")
    reason = await restore(saved, path)
    assert reason is not None
    assert "without its rollback guard" in reason


async def test_a_frozen_restored_log_reads_and_proves(path: Path, saved: Path) -> None:
    """What it holds stays of use."""
    await add(path, [b"released"])
    lose(path, "store")
    await restore(saved, path)
    async with Log.open(path) as log:
        assert await log.reader.entries(0, 300) == numbers(0, 300)
        receipt = await log.reader.receipt(41, log.head, known=7)
    signed = open_checkpoint(receipt.checkpoint, load_vkeys(path))
    assert signed.checkpoint.size == 300


async def test_a_frozen_restored_log_signs_nothing(
    path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is opened, nor when it is frozen again, nor to be published."""
    await add(path, [b"released"])
    lose(path, "store")
    await restore(saved, path)

    def sign(*_args: object, **_keywords: object) -> bytes:
        raise AssertionError("signed")

    monkeypatch.setattr(LogKeys, "sign_checkpoint", sign)
    async with Log.open(path) as log:
        log._sequencer.resign()
        await log.freeze("again")


@pytest.mark.parametrize("lost", [("store",), ("store", "guard")])
async def test_a_log_that_is_restored_twice_is_still_frozen(
    path: Path, saved: Path, lost: tuple[str, ...]
) -> None:
    """Serving the frozen log has not written a guard that the second restore meets."""
    await add(path, [b"released"])
    lose(path, *lost)
    await restore(saved, path)
    async with Log.open(path):
        pass
    lose(path, "store")
    assert await restore(saved, path) is not None


async def test_a_log_is_restored_elsewhere_with_keys_kept_elsewhere(
    path: Path, saved: Path, tmp_path: Path
) -> None:
    """Where the machine is lost."""
    path.rename(tmp_path / "gone")
    keys = tmp_path / "gone" / "keys"
    assert await restore(saved, tmp_path / "new", keys=keys) is not None
    assert await entries_in(tmp_path / "new") == numbers(0, 300)


async def test_restored_keys_are_as_private_as_before(
    saved: Path, path: Path, tmp_path: Path
) -> None:
    await restore(saved, tmp_path / "new", keys=path / "keys")
    modes = {
        p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "new/keys").iterdir()
    }
    assert modes["log.skey"] == modes["sth.pem"] == 0o600


async def test_without_the_keys_a_restore_says_so(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="private keys are not in a backup"):
        await restore(saved, tmp_path / "new")
    assert not (tmp_path / "new" / "log.toml").exists()


async def test_with_keys_of_another_log_nothing_is_restored(
    saved: Path, tmp_path: Path
) -> None:
    """And the right ones can be given after that."""
    other = tmp_path / "other"
    LogKeys.generate(other, ORIGIN)
    with pytest.raises(FatalError, match="put back the folder's own"):
        await restore(saved, tmp_path / "new", keys=other / "keys")
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_store_that_is_there_is_not_replaced(path: Path, saved: Path) -> None:
    """The newer one may be the one that is still there."""
    await add(path, [b"after"])
    with pytest.raises(ConfigError, match="a store already"):
        await restore(saved, path)
    assert len(await entries_in(path)) == 301


async def test_what_is_no_backup_is_refused(path: Path, tmp_path: Path) -> None:
    lose(path, "store")
    with pytest.raises(MissingStore, match="is no backup"):
        await restore(tmp_path, path)


def cut_the_largest_file(store: Path) -> None:
    largest = max(store.iterdir(), key=lambda p: p.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)


def remove_current(store: Path) -> None:
    (store / "CURRENT").unlink()


@pytest.mark.parametrize("damage", [cut_the_largest_file, remove_current])
async def test_a_damaged_backup_leaves_the_log_as_it_was(
    path: Path, saved: Path, damage: Callable[[Path], None]
) -> None:
    """Nothing half restored is ever served, and another backup can be tried."""
    lose(path, "store")
    left = sorted(p.name for p in path.iterdir())
    damage(saved / "store")
    with pytest.raises((StorageError, FatalError)):
        await restore(saved, path)
    assert sorted(p.name for p in path.iterdir()) == left


async def test_a_restore_that_is_killed_before_it_froze_the_log_serves_nothing(
    path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has its name only after it is known whether it must be frozen."""
    lose(path, "store", "guard")

    async def killed(_folder: LogFolder) -> str | None:
        assert not (path / "store").exists()
        shutil.copytree(path, path.with_name("killed"))
        raise asyncio.CancelledError

    monkeypatch.setattr(backup_module, "_freeze_unless_newest", killed)
    with pytest.raises(asyncio.CancelledError):
        await restore(saved, path)
    with pytest.raises(MissingStore):
        await entries_in(path.with_name("killed"))


async def test_a_restore_goes_on_after_one_that_was_killed(
    path: Path, saved: Path
) -> None:
    """What that one left is no obstacle, and is not used."""
    lose(path, "store")
    (path / "store.unfinished").mkdir()
    (path / "store.unfinished" / "CURRENT").write_bytes(b"half")
    assert await restore(saved, path) is None
    assert await entries_in(path) == numbers(0, 300)
    assert not (path / "store.unfinished").exists()


async def test_a_backup_can_be_restored_more_than_once(path: Path, saved: Path) -> None:
    """Restoring changes nothing in it."""
    before = {p: p.read_bytes() for p in saved.rglob("*") if p.is_file()}
    lose(path, "store")
    await restore(saved, path)
    assert {p: p.read_bytes() for p in saved.rglob("*") if p.is_file()} == before


# -- succession ---------------------------------------------------------------------


async def test_entry_0_of_a_successor_names_the_last_checkpoint(path: Path) -> None:
    """Verifiable with the keys that it names, which are the predecessor's."""
    entry = await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    assert await entries_in(path.with_name("next")) == [entry]
    document = json.loads(entry)
    assert document["predecessor"] == ORIGIN
    verifiers = [parse_vkey(vkey) for vkey in document["vkeys"]]
    signed = open_checkpoint(document["checkpoint"].encode(), verifiers, origin=ORIGIN)
    assert signed.checkpoint.size == 300
    assert "newest_released" not in document


async def test_the_predecessor_is_frozen(path: Path) -> None:
    """And says who its successor is."""
    await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    async with Log.open(path) as old:
        assert old.read_only == f"succeeded by {SUCCESSOR}"


async def test_a_successor_has_keys_of_its_own(path: Path) -> None:
    """A checkpoint of one log is never one of the other."""
    entry = await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    with pytest.raises(UnverifiedNote):
        open_checkpoint(
            json.loads(entry)["checkpoint"].encode(), load_vkeys(path.with_name("next"))
        )


async def test_a_successor_of_a_restored_log_names_what_was_released_after_it(
    path: Path, saved: Path
) -> None:
    """So that the entries that were lost are missed."""
    await add(path, [b"released"])
    lose(path, "store")
    await restore(saved, path)
    entry = await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    released = json.loads(entry)["newest_released"].encode()
    assert open_checkpoint(released, load_vkeys(path)).checkpoint.size == 301


async def test_a_successor_has_another_origin(path: Path) -> None:
    """The same name would be a fork with other keys."""
    with pytest.raises(ConfigError, match="a successor needs another"):
        await succeed(path, path.with_name("next"), origin=ORIGIN)
    assert not path.with_name("next").exists()


async def test_a_log_has_one_successor(path: Path) -> None:
    """Two would be a fork: both continue the same history."""
    await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    with pytest.raises(ConfigError, match=f"has a successor: {SUCCESSOR}"):
        await succeed(path, path.with_name("other"), origin="example.com/other")
    assert not path.with_name("other").exists()


async def test_a_successor_that_is_not_finished_does_not_count(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trying again makes it."""
    with monkeypatch.context() as patch:
        patch.setattr(LogFolder, "finish", lambda _folder: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    await succeed(path, path.with_name("next"), origin=SUCCESSOR)


async def test_a_log_is_not_frozen_for_a_successor_that_cannot_be(
    path: Path, tmp_path: Path
) -> None:
    """Freezing is for good, so everything else comes first."""
    async with Log.open(tmp_path / "next", origin="example.com/else"):
        pass
    with pytest.raises(ConfigError, match="exists already"):
        await succeed(path, tmp_path / "next", origin=SUCCESSOR)
    async with Log.open(path) as old:
        assert old.state == "serving"


async def test_a_log_that_is_in_use_gets_no_successor(path: Path) -> None:
    """Nothing is left behind that would be in the way of trying again."""
    async with Log.open(path):
        with pytest.raises(StorageError, match="held"):
            await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    await succeed(path, path.with_name("next"), origin=SUCCESSOR)


async def test_a_successor_whose_first_entry_fails_is_no_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can put another entry 0 into it; trying again finishes it."""

    async def fail(_folder: LogFolder, _entry: bytes) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backup_module, "_append_first", fail)
        with pytest.raises(OSError, match="no space"):
            await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    with pytest.raises(ConfigError, match="no log is here"):
        LogFolder.open(path.with_name("next"))
    await succeed(path, path.with_name("next"), origin=SUCCESSOR)
    assert len(await entries_in(path.with_name("next"))) == 1
