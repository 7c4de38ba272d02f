"""A log's folder: made once, whole or not a log, and never over another one."""

import asyncio
import shutil
from pathlib import Path

import pytest
from memorylog import ORIGIN

from merklelog.errors import ConfigError, MerklelogError
from merklelog.storage.leveldb import LevelDBStore
from merklelog.tlog import Log, folder
from merklelog.tlog.folder import LogFolder, check_log_name
from merklelog.tlog.guard import read_guard
from merklelog.tlog.keyfiles import load_vkeys
from merklelog.tlog.keys import LogKeys


class KilledError(Exception):
    """What the tests raise where a process dies."""


def contents(path: Path) -> dict[Path, bytes]:
    """Return all files of *path* but those that LevelDB writes when it is opened."""
    return {
        p: p.read_bytes()
        for p in path.rglob("*")
        if p.is_file() and "store" not in p.parts
    }


async def test_a_new_log_is_empty_signed_and_guarded(tmp_path: Path) -> None:
    """From its first day the guard knows it."""
    made = await LogFolder.create(tmp_path / "main", origin=ORIGIN)
    keys = LogKeys.load(made.path, ORIGIN)
    guard = read_guard(made.guard, keys.verifiers, ORIGIN)
    async with Log.open(made.path) as log:
        assert guard is not None
        assert log.head.size == guard.size == 0


async def test_a_log_is_named_after_its_folder(tmp_path: Path) -> None:
    made = await LogFolder.create(tmp_path / "audit-2026", origin=ORIGIN)
    assert made.name == "audit-2026"


async def test_a_log_is_not_made_over_another(tmp_path: Path) -> None:
    """Running init twice changes nothing."""
    path = tmp_path / "main"
    async with Log.open(path, origin=ORIGIN) as log:
        await log.add([b"entry"])
    before = contents(path)
    with pytest.raises(ConfigError, match="a log exists already"):
        await LogFolder.create(path, origin="example.com/other")
    assert contents(path) == before
    async with Log.open(path) as log:
        assert log.head.size == 1


@pytest.mark.parametrize("lost", [["log.toml"], ["log.toml", "store"]])
async def test_a_log_is_not_made_over_the_rest_of_another(
    tmp_path: Path, lost: list[str]
) -> None:
    """A new empty one under the old name and keys would be a fork of it."""
    path = tmp_path / "main"
    async with Log.open(path, origin=ORIGIN) as log:
        await log.add([b"entry"])
    for part in lost:
        if (path / part).is_dir():
            shutil.rmtree(path / part)
        else:
            (path / part).unlink()
    before = contents(path)
    with pytest.raises(ConfigError, match=r"exists already.*log restore"):
        await LogFolder.create(path, origin=ORIGIN)
    assert contents(path) == before


async def test_keys_that_were_made_beforehand_are_used(tmp_path: Path) -> None:
    """`merklelog keys generate` runs where a ceremony needs it."""
    path = tmp_path / "main"
    keys = LogKeys.generate(path, ORIGIN)
    await LogFolder.create(path, origin=ORIGIN)
    assert [key.vkey for key in load_vkeys(path)] == keys.vkeys
    async with Log.open(path) as log:
        assert log.keys.vkeys == keys.vkeys


async def test_keys_of_another_origin_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "main"
    LogKeys.generate(path, "example.com/other")
    with pytest.raises(ConfigError, match=r"a key of 'example\.com/other'"):
        await LogFolder.create(path, origin=ORIGIN)
    assert not (path / "store").exists()


@pytest.mark.parametrize(
    "name",
    ["", "-", "-a", "A", "a_b", "a.b", "ä", "a b", "a/b", "..", "a\n", "a" * 64, "٣"],
)
def test_a_name_that_could_not_stand_in_a_url_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="log name"):
        check_log_name(name)


@pytest.mark.parametrize("name", ["a", "0", "a-", "audit-2026", "a" * 63])
def test_a_name_that_can_stand_in_a_url_is_taken(name: str) -> None:
    check_log_name(name)


async def test_a_folder_with_a_bad_name_becomes_no_log(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="log name 'Main'"):
        await LogFolder.create(tmp_path / "Main", origin=ORIGIN)
    assert not (tmp_path / "Main").exists()


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a" * 256, "\udcff"])
async def test_an_origin_that_cannot_name_a_key_is_refused(
    tmp_path: Path, origin: str
) -> None:
    with pytest.raises(ConfigError, match="origin"):
        await LogFolder.create(tmp_path / "main", origin=origin)
    assert not (tmp_path / "main" / "store").exists()


def killed(*_args: object, **_keywords: object) -> None:
    raise KilledError


STEPS = ["first_commit", "write_guard", "write_log_config"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_log_whose_making_was_interrupted_is_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Nobody serves half of one."""
    path = tmp_path / "main"
    monkeypatch.setattr(folder, step, killed)
    with pytest.raises(KilledError):
        await LogFolder.create(path, origin=ORIGIN)
    with pytest.raises(ConfigError, match="no log is here"):
        LogFolder.open(path)


@pytest.mark.parametrize("step", STEPS)
async def test_a_log_whose_making_was_interrupted_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At once, or after what the message says."""
    path = tmp_path / "main"
    with monkeypatch.context() as patch:
        patch.setattr(folder, step, killed)
        with pytest.raises(KilledError):
            await LogFolder.create(path, origin=ORIGIN)
    if (path / "store").exists():
        with pytest.raises(ConfigError, match="remove store and guard and try again"):
            await LogFolder.create(path, origin=ORIGIN)
        shutil.rmtree(path / "store")
        (path / "guard").unlink(missing_ok=True)
    async with Log.open(path, origin=ORIGIN) as log:
        await log.add([b"entry"])


async def test_keys_of_which_one_is_missing_are_named(tmp_path: Path) -> None:
    """Making them was interrupted, or a copy of them was not complete."""
    path = tmp_path / "main"
    LogKeys.generate(path, ORIGIN)
    (path / "keys" / "sth.pem").unlink()
    with pytest.raises(ConfigError, match=r"sth\.pem: there is no such key file"):
        await LogFolder.create(path, origin=ORIGIN)


async def test_of_two_who_make_the_same_log_one_fails(tmp_path: Path) -> None:
    """Neither of them ends up with a log that the other one empties."""
    path = tmp_path / "main"
    LogKeys.generate(path, ORIGIN)
    outcomes = await asyncio.gather(
        LogFolder.create(path, origin=ORIGIN),
        LogFolder.create(path, origin=ORIGIN),
        return_exceptions=True,
    )
    assert sum(isinstance(o, MerklelogError) for o in outcomes) == 1
    async with Log.open(path) as log:
        assert log.head.size == 0


async def test_a_log_that_was_made_meanwhile_is_not_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write insists that there is no log yet."""
    path = tmp_path / "main"
    open_store = LevelDBStore.open

    async def overtaken(*args: object, **keywords: object) -> object:
        monkeypatch.setattr(LevelDBStore, "open", open_store)
        async with Log.open(path, origin=ORIGIN) as log:
            await log.add([b"entry"])
        return await LevelDBStore.open(*args, **keywords)  # type: ignore[arg-type]

    LogKeys.generate(path, ORIGIN)
    monkeypatch.setattr(LevelDBStore, "open", overtaken)
    with pytest.raises(MerklelogError):
        await LogFolder.create(path, origin=ORIGIN)
    async with Log.open(path) as log:
        assert log.head.size == 1


async def test_a_log_of_a_kind_that_is_not_known_is_not_opened(tmp_path: Path) -> None:
    """Serving an audit log as an opaque one would put events in plain sight."""
    folder = await LogFolder.create(tmp_path / "main", origin="example.com/kind")
    config = folder.path / "log.toml"
    config.write_text(config.read_text().replace("opaque", "audit"))
    with pytest.raises(ConfigError, match="kind: this release has opaque logs only"):
        LogFolder.open(folder.path)
