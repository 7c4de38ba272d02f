"""``merklelog doctor``: what on this machine would keep a log from working."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import NamedTuple

import click

from merklelog.cli.folders import LogFolder, admin_socket, list_folders
from merklelog.cli.options import data_option, json_option
from merklelog.cli.output import print_json, print_table
from merklelog.clock import format_time, now_ms

# Below this a busy log can fill the disk before anybody looks.
_LITTLE_SPACE = 1 << 30

# A clock before this release is wrong for certain: 2026-01-01.
_EARLIEST_NOW_MS = 1_767_225_600_000

_GROUP_AND_OTHERS = 0o077
_OTHERS_WRITE = 0o002


class Check(NamedTuple):
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    """What there is, and where it is not ok, what to do."""


@click.command()
@data_option(required=False)
@json_option
def doctor(*, data: Path | None, as_json: bool) -> int:
    """Check this machine, and a data folder, and say what to do about each fault.

    Changes nothing. Exits with 1 when something is wrong.

    \b
    Example:
      merklelog doctor --data logs
    """
    checks = [*_machine()]
    if data is not None:
        for folder in list_folders(data):
            checks += _log(folder)
    if as_json:
        print_json({"checks": [check._asdict() for check in checks]})
    else:
        print_table(
            ("", "check", "found"),
            [("ok" if one.ok else "BAD", one.what, one.found) for one in checks],
        )
    return 0 if all(check.ok for check in checks) else 1


def _machine() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Check(
        "Python",
        supported,
        version if supported else f"{version}: use 3.11 or 3.12, which LevelDB is for",
    )
    yield _library("plyvel", "install libleveldb-dev and a C++ compiler, then it again")
    yield _library("uvloop", "pip install uvloop")
    now = now_ms()
    right = now > _EARLIEST_NOW_MS
    yield Check(
        "clock",
        right,
        format_time(now) if right else f"{format_time(now)}: set it; use NTP",
    )


def _library(name: str, remedy: str) -> Check:
    try:
        import_module(name)
    except ImportError as error:
        return Check(name, ok=False, found=f"{error}: {remedy}")
    return Check(name, ok=True, found=metadata.version(name))


def _log(folder: LogFolder) -> Iterator[Check]:
    name = folder.name
    mode = folder.path.stat().st_mode
    writable = os.access(folder.path, os.W_OK)
    yield Check(
        f"{name}: folder",
        writable and not mode & _OTHERS_WRITE,
        str(folder.path)
        if writable and not mode & _OTHERS_WRITE
        else f"{folder.path}: chmod o-w it, and run the server as its owner",
    )
    yield from _keys(folder)
    yield _holder(folder)
    yield _guard(folder)
    free = shutil.disk_usage(folder.path).free
    space = f"{free / (1 << 30):.1f} GiB free"
    yield Check(
        f"{name}: disk",
        free > _LITTLE_SPACE,
        space if free > _LITTLE_SPACE else f"{space}: make room, a full disk stops it",
    )


def _keys(folder: LogFolder) -> Iterator[Check]:
    for file in ("log.skey", "sth.pem"):
        path = folder.path / "keys" / file
        what = f"{folder.name}: {file}"
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield Check(what, ok=False, found=f"{error.strerror}: bring the key back")
            continue
        private = not mode & _GROUP_AND_OTHERS
        yield Check(
            what,
            private,
            "readable by its owner alone"
            if private
            else f"mode {mode & 0o777:o}: chmod 600 {path}; others may have read it",
        )


def _holder(folder: LogFolder) -> Check:
    """Find out who holds the store: LevelDB keeps a lock on the file LOCK."""
    what = f"{folder.name}: store"
    if socket := admin_socket(folder):
        return Check(what, ok=True, found=f"served, see {socket}")
    lock = folder.path / "store" / "LOCK"
    try:
        with lock.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Check(what, ok=True, found="held by a process that uses it directly")
    except OSError as error:
        return Check(
            what,
            ok=False,
            found=f"{lock}: {error.strerror}: merklelog log restore brings back a copy",
        )
    return Check(what, ok=True, found="not in use")


def _guard(folder: LogFolder) -> Check:
    from merklelog.errors import MerklelogError
    from merklelog.tlog.folder import LogFolder as TlogFolder
    from merklelog.tlog.guard import read_guard
    from merklelog.tlog.keyfiles import load_vkeys

    what = f"{folder.name}: rollback guard"
    try:
        log = TlogFolder.open(folder.path)
        verifiers = tuple(load_vkeys(folder.path))
        head = read_guard(log.guard, verifiers, log.config.origin)
    except MerklelogError as error:
        return Check(what, ok=False, found=str(error))
    if head is None:
        return Check(
            what,
            ok=False,
            found=f"{log.guard} is missing: mount its disk, or bring it back; the log "
            "does not open without it",
        )
    if head.timestamp > now_ms() + 60_000:
        return Check(
            what,
            ok=False,
            found=f"signed at {format_time(head.timestamp)}, which is in the future: "
            "set the clock",
        )
    return Check(
        what, ok=True, found=f"size {head.size}, {format_time(head.timestamp)}"
    )
