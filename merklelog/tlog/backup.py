"""Backup, restore and succession.

A backup is a log's folder without its private keys: ``log.toml``, the public keys,
and a snapshot of the store. What is restored from it must never sign a second history:
it opens frozen, unless it holds the newest checkpoint that the rollback guard knows.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from merklelog import durable
from merklelog.errors import ConfigError, MissingStore
from merklelog.storage.interface import Batch, no_progress
from merklelog.storage.keyspace import READ_ONLY_KEY
from merklelog.storage.leveldb import LevelDBStore

from .folder import CONFIG_FILE, GUARD, KEYS, STORE, LogFolder
from .guard import read_guard
from .keys import LogKeys
from .log import Log
from .state import contains, load_state

_PUBLIC_KEYS = Path(KEYS) / "log.vkey"

# Names the log's successor, once it has one: a log has one at most.
SUCCESSOR = "successor"

# What is being restored has this name until it is whole, and frozen if it has to be.
_UNFINISHED_STORE = f"{STORE}.unfinished"


async def backup(
    log: Log, to: Path, *, progress: Callable[[int], None] = no_progress
) -> None:
    """Write a snapshot of *log*, which goes on working, to the new folder *to*.

    *progress* gets the number of keys copied so far.

    Raises:
        ConfigError: *to* exists already, or cannot be written.
        StorageError: copying failed.
    """
    try:
        unfinished = await asyncio.to_thread(_prepare, log.folder.path, to)
        try:
            await log.store.copy_to(unfinished / STORE, progress)
            await asyncio.to_thread(_finish, unfinished, to)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise ConfigError([f"{to}: cannot be written: {error}"]) from error


def _prepare(log_folder: Path, to: Path) -> Path:
    """Return a folder beside *to* for an unfinished backup, which nobody else has."""
    if to.exists():
        raise ConfigError([f"{to}: exists already; a backup goes into a new folder"])
    to.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{to.name}.unfinished-"
    unfinished = Path(tempfile.mkdtemp(prefix=prefix, dir=to.parent))
    (unfinished / KEYS).mkdir()
    for name in (CONFIG_FILE, _PUBLIC_KEYS):
        shutil.copyfile(log_folder / name, unfinished / name)
    return unfinished


def _finish(unfinished: Path, to: Path) -> None:
    durable.sync_below(unfinished)
    unfinished.rename(to)
    durable.sync(to.parent)


async def restore(source: Path, path: Path, *, keys: Path | None = None) -> str | None:
    """Make the log at *path* out of the backup *source*; return why it is frozen.

    *path* may hold what is left of the lost log: its keys and its guard are used.
    Otherwise *keys* names the folder that the private keys were kept in. When it
    fails, *path* is as it was.

    Returns None if the log is not frozen, because it holds the newest checkpoint that
    its guard knows.

    Raises:
        ConfigError: *path* still has a store, or the keys are missing or others.
        StorageError, FatalError: the backup cannot be read, or is another log's.
    """
    with ExitStack() as undo:
        await asyncio.to_thread(_copy_log, source, path, keys, undo)
        frozen = await _freeze_unless_newest(LogFolder.open(path))
        await asyncio.to_thread(_serve, path)
        undo.pop_all()
    return frozen


def _copy_log(source: Path, path: Path, keys: Path | None, undo: ExitStack) -> None:
    """Copy what *path* does not have yet out of *source* and *keys*."""
    if not (source / STORE).is_dir():
        raise MissingStore(f"{source} is no backup: it has no folder {STORE!r}")
    if (path / STORE).exists():
        problem = f"{path / STORE}: there is a store already; move it away first"
        raise ConfigError([problem])
    path.mkdir(parents=True, exist_ok=True)
    if not (path / KEYS).exists():
        if keys is None:
            problem = (
                f"{path / KEYS}: the log's private keys are not in a backup; name the "
                "folder that holds them with --keys"
            )
            raise ConfigError([problem])
        undo.callback(shutil.rmtree, path / KEYS, ignore_errors=True)
        shutil.copytree(keys, path / KEYS)
    if not (path / CONFIG_FILE).exists():
        undo.callback((path / CONFIG_FILE).unlink, missing_ok=True)
        shutil.copyfile(source / CONFIG_FILE, path / CONFIG_FILE)
    unfinished = path / _UNFINISHED_STORE
    shutil.rmtree(unfinished, ignore_errors=True)
    undo.callback(shutil.rmtree, unfinished, ignore_errors=True)
    # Not the lock file: closing a copy of it would release a lock of this process.
    shutil.copytree(source / STORE, unfinished, ignore=shutil.ignore_patterns("LOCK"))


async def _freeze_unless_newest(folder: LogFolder) -> str | None:
    """Freeze the restored store, unless it holds what its guard says was released."""
    origin = folder.config.origin
    keys = LogKeys.load(folder.path, origin)
    guard = read_guard(folder.guard, keys.verifiers, origin)
    store = await LevelDBStore.open(folder.path / _UNFINISHED_STORE)
    try:
        state = await load_state(store, keys.verifiers, origin)
        if guard is not None and await contains(state, store, guard):
            return state.read_only
        reason = f"restored at size {state.head.size} from a backup; " + (
            "without its rollback guard nobody knows what was released after it"
            if guard is None
            else f"a checkpoint of size {guard.size} had been released"
        )
        batch = Batch()
        batch.put(READ_ONLY_KEY, reason.encode("utf-8"))
        await store.commit(batch)
        return reason
    finally:
        await store.close()


def _serve(path: Path) -> None:
    """Give the restored store its name: only now can the log be opened."""
    durable.sync_below(path)
    (path / _UNFINISHED_STORE).rename(path / STORE)
    durable.sync(path)
    durable.sync(path.parent)


async def succeed(path: Path, successor: Path, *, origin: str) -> bytes:
    """Freeze the log at *path*, and start *successor*, of the new *origin*.

    Entry 0 of the successor names the last checkpoint of its predecessor and, where
    the predecessor was restored below it, the newest one that was released. Nobody
    can append to the successor before that entry is in it.

    Returns the entry.

    Raises:
        ConfigError: *successor* exists, *origin* is the predecessor's, or the log
            has another successor.
        MerklelogError: as `Log.open` does, for either of them.
    """
    if LogFolder.open(path).config.origin == origin:
        problem = (
            f"origin: {origin} is the predecessor's own; a successor needs another"
        )
        raise ConfigError([problem])
    _refuse_second_successor(path / SUCCESSOR)
    async with Log.open(path) as old:
        # Before the predecessor is frozen for good: it may be impossible.
        folder = await LogFolder.prepare(successor, origin=origin, kind=old.config.kind)
        with ExitStack() as undo:
            undo.callback((folder.path / GUARD).unlink, missing_ok=True)
            undo.callback(shutil.rmtree, folder.store, ignore_errors=True)
            undo.callback((path / SUCCESSOR).unlink, missing_ok=True)
            if old.read_only is None:
                await old.freeze(f"succeeded by {origin}")
            entry = await _succession_entry(old)
            await _append_first(folder, entry)
            durable.replace(path / SUCCESSOR, f"{origin}\n".encode())
            folder.finish()
            undo.pop_all()
    return entry


def _refuse_second_successor(marker: Path) -> None:
    """Refuse a second successor of one log: it would be a fork.

    The marker is written just before the successor is whole.
    """
    if marker.exists():
        problem = (
            f"the log has a successor: {marker.read_text(encoding='utf-8').strip()}; "
            f"if that was never finished, remove {marker} and its folder"
        )
        raise ConfigError([problem])


async def _append_first(folder: LogFolder, entry: bytes) -> None:
    """Append *entry* to the log that `LogFolder.prepare` has made in *folder*."""
    keys = LogKeys.load(folder.path, folder.config.origin)
    store = await folder.open_store()
    try:
        async with Log.on_store(store, folder, keys) as log:
            await log.add([entry])
    finally:
        await store.close()


async def _succession_entry(predecessor: Log) -> bytes:
    """Return the entry that binds a successor to *predecessor*: JSON, in one line."""
    content = {
        "merklelog": "succession",
        "version": 1,
        "predecessor": predecessor.origin,
        "vkeys": predecessor.keys.vkeys,
        "checkpoint": predecessor.head.note.decode("utf-8"),
    }
    guard = read_guard(
        predecessor.folder.guard, predecessor.keys.verifiers, predecessor.origin
    )
    if guard is not None and (
        guard.size > predecessor.head.size
        or await predecessor.reader.root_at(guard.size) != guard.root_hash
    ):
        content["newest_released"] = guard.note.decode("utf-8")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")
