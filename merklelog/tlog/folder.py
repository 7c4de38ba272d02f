"""A log's folder: what lies where.

::

    DIR/NAME/
      log.toml      origin, kind and settings; written last, so it marks a whole log
      keys/         the log's keys, see `tlog.keys`
      store/        the ordered key-value store, see `storage.keyspace`
      guard         the newest released checkpoint, see `tlog.guard`
      successor     the origin of the log's successor, once it has one

The name of the folder is the name of the log in URLs.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from merklelog.clock import now_ms
from merklelog.config import LogConfig, LogKind, read_log_config, write_log_config
from merklelog.errors import ConfigError
from merklelog.storage.interface import Batch, Store
from merklelog.storage.keyspace import HEAD_KEY, VERSION_KEY, encode_format_version
from merklelog.storage.leveldb import LevelDBStore
from proofs.checkpoint import Checkpoint
from proofs.errors import MalformedKey
from proofs.hashing import EMPTY_ROOT

from .guard import write_guard
from .head import Head
from .keys import LogKeys

CONFIG_FILE = "log.toml"
KEYS = "keys"
STORE = "store"
GUARD = "guard"

# One label of a URL path, and of a host name, so that it needs no escaping anywhere.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The folder of one log, and what its ``log.toml`` says."""

    path: Path
    config: LogConfig

    @property
    def name(self) -> str:
        """The log's short name."""
        return self.path.name

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.path / STORE

    @property
    def guard(self) -> Path:
        """The file of the rollback guard: better on another disk than the store."""
        return self.config.guard or self.path / GUARD

    @classmethod
    def open(cls, path: Path) -> "LogFolder":
        """Return the log that stands in the folder *path*.

        Raises:
            ConfigError: there is none, or its ``log.toml`` is wrong.
        """
        path = path.resolve()
        if not (path / CONFIG_FILE).is_file():
            problem = f"no log is here, {CONFIG_FILE} is missing"
            raise ConfigError([f"{path}: {problem}; `merklelog init` makes one"])
        config = read_log_config(path / CONFIG_FILE)
        if config.kind != "opaque":
            problem = f"kind: this release has opaque logs only, not {config.kind}"
            raise ConfigError([f"{path / CONFIG_FILE}: {problem}"])
        return cls(path, config)

    @classmethod
    async def create(
        cls, path: Path, *, origin: str, kind: LogKind = "opaque"
    ) -> "LogFolder":
        """Make a log at *path*: an empty one.

        Keys that are there already, made by `merklelog keys generate`, are used.

        Raises:
            ConfigError: a log, a store or a guard is there already, or a name is not
                allowed.
        """
        folder = await cls.prepare(path, origin=origin, kind=kind)
        folder.finish()
        return folder

    @classmethod
    async def prepare(
        cls, path: Path, *, origin: str, kind: LogKind = "opaque"
    ) -> "LogFolder":
        """Make everything of a log but ``log.toml``: nobody takes it for one yet.

        Its store and its guard have a signed head of size 0.

        Raises:
            ConfigError: as `create` does.
        """
        folder = cls._at_free_place(path, LogConfig(origin=origin, kind=kind))
        keys = _load_or_generate_keys(folder.path, origin)
        batch, head = first_commit(keys, origin)
        store = await LevelDBStore.open(folder.store, create=True)
        try:
            # Expected, because somebody else may have made it since it was not there.
            await store.commit(batch, expect={VERSION_KEY: None, HEAD_KEY: None})
        finally:
            await store.close()
        # From the first day: a guard that is missing has been lost.
        write_guard(folder.guard, head)
        return folder

    def finish(self) -> None:
        """Write ``log.toml``: from now on this is a log."""
        write_log_config(self.path / CONFIG_FILE, self.config)

    @classmethod
    def _at_free_place(cls, path: Path, config: LogConfig) -> "LogFolder":
        folder = cls(path.resolve(), config)
        check_log_name(folder.name)
        if (folder.path / CONFIG_FILE).exists():
            raise ConfigError([f"{path}: a log exists already; nothing was changed"])
        for part in (folder.store, folder.guard):
            if part.exists():
                problem = (
                    f"{part} exists already; nothing was changed. If making a log here "
                    f"was interrupted, remove {STORE} and {GUARD} and try again. If a "
                    f"log lost its {CONFIG_FILE}, put that back; if it lost its "
                    f"{STORE}, see `merklelog log restore`"
                )
                raise ConfigError([problem])
        return folder

    @classmethod
    async def open_or_create(cls, path: Path, *, origin: str | None) -> "LogFolder":
        """Open the log at *path*; with *origin*, create it when there is none.

        Raises:
            ConfigError: as `open` and `create`; or the log has another origin.
        """
        if origin is not None and not (path / CONFIG_FILE).exists():
            return await cls.create(path, origin=origin)
        folder = cls.open(path)
        if origin not in (None, folder.config.origin):
            raise ConfigError(
                [f"origin: the log in {path} is {folder.config.origin}, not {origin}"]
            )
        return folder

    async def open_store(self, *, reader_threads: int = 4) -> Store:
        """Open the log's store, which must exist.

        Raises:
            StorageError: it is missing, held by another process, or damaged.
        """
        return await LevelDBStore.open(self.store, reader_threads=reader_threads)


def check_log_name(name: str) -> None:
    """Refuse a log name that could not stand in a URL as it is.

    Raises:
        ConfigError: not ``[a-z0-9][a-z0-9-]{0,62}``.
    """
    if not _NAME.fullmatch(name):
        rule = "lower-case letters, digits and hyphens, not a hyphen first, at most 63"
        raise ConfigError([f"log name {name!r}: {rule}"])


def _load_or_generate_keys(path: Path, origin: str) -> LogKeys:
    if (path / KEYS).exists():
        return LogKeys.load(path, origin)
    try:
        return LogKeys.generate(path, origin)
    except MalformedKey as error:
        raise ConfigError([f"origin: {error}"]) from error


def first_commit(keys: LogKeys, origin: str) -> tuple[Batch, Head]:
    """Return the write that makes an empty store an empty log, and its head."""
    timestamp = now_ms()
    checkpoint = Checkpoint(origin, 0, EMPTY_ROOT)
    note = keys.sign_checkpoint(checkpoint, timestamp_ms=timestamp)
    batch = Batch()
    batch.put(VERSION_KEY, encode_format_version())
    batch.put(HEAD_KEY, note)
    return batch, Head(0, EMPTY_ROOT, note, timestamp)
