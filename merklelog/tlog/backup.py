"""Backup, restore and succession.

A backup is a log's folder without its private keys: ``log.toml``, the public keys,
and a snapshot of the store. What is restored from it must never sign a second history:
it opens frozen, unless it holds the newest checkpoint that the rollback guard knows.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from merklelog import durable
from merklelog.errors import ConfigError, MissingStore
from merklelog.storage.interface import Batch, no_progress
from merklelog.storage.keyspace import READ_ONLY_KEY

from .folder import CONFIG_FILE, KEYS, STORE, LogFolder
from .guard import contains, read_guard
from .keys import LogKeys
from .log import Log
from .state import load_state

_PUBLIC_KEYS = Path(KEYS) / "log.vkey"


async def backup(
    log: Log, to: Path, *, progress: Callable[[int], None] = no_progress
) -> None:
    """Write a snapshot of *log*, which goes on working, to the new folder *to*.

    *progress* gets the number of keys copied so far.

    Raises:
        ConfigError: *to* exists already, or cannot be written.
        StorageError: copying failed.
    """
    if to.exists():
        raise ConfigError([f"{to}: exists already; a backup goes into a new folder"])
    unfinished = to.with_name(to.name + ".unfinished")
    try:
        await asyncio.to_thread(_prepare, log.folder.path, unfinished)
        await log.store.copy_to(unfinished / STORE, progress)
        await asyncio.to_thread(_finish, unfinished, to)
    except OSError as error:
        raise ConfigError([f"{to}: cannot be written: {error}"]) from error


def _prepare(log_folder: Path, to: Path) -> None:
    """Make the folder of an unfinished backup, in place of one that failed."""
    shutil.rmtree(to, ignore_errors=True)
    (to / KEYS).mkdir(parents=True)
    for name in (CONFIG_FILE, _PUBLIC_KEYS):
        shutil.copyfile(log_folder / name, to / name)


def _finish(unfinished: Path, to: Path) -> None:
    durable.sync_below(unfinished)
    unfinished.rename(to)
    durable.sync(to.parent)


async def restore(source: Path, path: Path, *, keys: Path | None = None) -> str | None:
    """Make the log at *path* out of the backup *source*; return why it is frozen.

    *path* may hold what is left of the lost log: its keys and its guard are used.
    Otherwise *keys* names the folder that the private keys were kept in.

    Returns None if the log is not frozen, because it holds the newest checkpoint that
    its guard knows.

    Raises:
        ConfigError: *path* still has a store, or the keys are missing or others.
        StorageError, FatalError: the backup cannot be read, or is another log's.
    """
    if not (source / STORE).is_dir():
        raise MissingStore(f"{source} is no backup: it has no folder {STORE!r}")
    if (path / STORE).exists():
        raise ConfigError(
            [f"{path / STORE}: there is a store already; move it away first"]
        )
    await asyncio.to_thread(_copy_log, source, path, keys)
    try:
        return await _freeze_unless_newest(LogFolder.open(path))
    except BaseException:
        # A half restored log must not be served as a whole one.
        shutil.rmtree(path / STORE, ignore_errors=True)
        raise


def _copy_log(source: Path, path: Path, keys: Path | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if not (path / KEYS).exists():
        if keys is None:
            raise ConfigError(
                [
                    f"{path / KEYS}: the log's private keys are not in a backup; "
                    "name the folder that holds them with --keys"
                ]
            )
        shutil.copytree(keys, path / KEYS)
    if not (path / CONFIG_FILE).exists():
        shutil.copyfile(source / CONFIG_FILE, path / CONFIG_FILE)
    shutil.copytree(source / STORE, path / STORE)
    durable.sync_below(path)


async def _freeze_unless_newest(folder: LogFolder) -> str | None:
    """Freeze the restored log, unless it holds what its guard says was released."""
    origin = folder.config.origin
    keys = LogKeys.load(folder.path, origin)
    guard = read_guard(folder.guard, keys.verifiers, origin)
    store = await folder.open_store()
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


async def succeed(path: Path, successor: Path, *, origin: str) -> bytes:
    """Freeze the log at *path*, and start *successor*, of the new *origin*.

    Entry 0 of the successor names the last checkpoint of its predecessor and, where
    the predecessor was restored below it, the newest one that was released.

    Returns the entry.

    Raises:
        ConfigError: *successor* exists, or *origin* is the predecessor's.
        MerklelogError: as `Log.open` does, for either of them.
    """
    if LogFolder.open(path).config.origin == origin:
        raise ConfigError(
            [f"origin: {origin} is the predecessor's own; a successor needs another"]
        )
    await LogFolder.create(successor, origin=origin, kind="opaque")
    async with Log.open(path) as old:
        if old.read_only is None:
            await old.freeze(f"succeeded by {origin}")
        entry = _succession_entry(old)
    async with Log.open(successor) as new:
        await new.add([entry])
    return entry


def _succession_entry(predecessor: Log) -> bytes:
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
    if guard is not None and guard.size > predecessor.head.size:
        content["newest_released"] = guard.note.decode("utf-8")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")
