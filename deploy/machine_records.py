"""Real records of this machine: what was installed on it and who logged in.

Every source is optional, and one that is absent or not readable is passed over. The
last resort is always there: the packages of this Python environment.
"""

import json
import plistlib
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from itertools import groupby
from pathlib import Path

# The newest of each source: enough to show something, little enough to look at.
NEWEST = 500

# An entry's limit (c2sp.org/tlog-tiles); a journal record may exceed it.
_MAX_ENTRY_SIZE = 65_535

_COMMAND_TIMEOUT = 20  # seconds

_LINE_FILES = (
    "/var/log/dpkg.log",
    "/var/log/dnf.rpm.log",
    "/var/log/pacman.log",
    "/var/log/zypp/history",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/install.log",  # macOS
)
_APT_HISTORY = "/var/log/apt/history.log"
_MACOS_HISTORY = "/Library/Receipts/InstallHistory.plist"
_JOURNAL = ("journalctl", "--facility=auth,authpriv", "--output=json", "--no-pager")


def machine_records() -> list[tuple[str, list[str]]]:
    """Return sources that have something to tell, each with its records as JSON."""
    sources: list[tuple[str, Callable[[], Iterable[object]]]] = [
        *((name, lambda name=name: _lines(name)) for name in _LINE_FILES),
        (_APT_HISTORY, lambda: _stanzas(_APT_HISTORY)),
        (_MACOS_HISTORY, lambda: _plist(_MACOS_HISTORY)),
        ("journalctl", lambda: map(json.loads, _output(*_JOURNAL))),
        ("last", _logins),
    ]
    found = [(name, _readable(read)) for name, read in sources]
    if not any(records for _, records in found):
        found.append(("pip", _readable(_distributions)))
    return [(name, records) for name, records in found if records]


def _readable(read: Callable[[], Iterable[object]]) -> list[str]:
    """Return the newest records of a source, none where it cannot be read."""
    try:
        records = [json.dumps(record, ensure_ascii=False) for record in read()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    fitting = [x for x in records if len(x.encode("utf-8")) <= _MAX_ENTRY_SIZE]
    return fitting[-NEWEST:]


def _lines(path: str) -> Iterator[object]:
    # Bytes that are no UTF-8 are kept visible: the record has to be JSON.
    text = Path(path).read_text("utf-8", errors="backslashreplace")
    for line in text.split("\n"):
        if line.strip():
            yield {"source": path, "line": line}


def _stanzas(path: str) -> Iterator[object]:
    """Yield the paragraphs of "Name: value" lines that apt writes."""
    lines = Path(path).read_text("utf-8", errors="backslashreplace").split("\n")
    for filled, stanza in groupby(lines, key=bool):
        if filled:
            pairs = (line.partition(": ") for line in stanza)
            yield {"source": path, **{name: value for name, _, value in pairs}}


def _plist(path: str) -> Iterator[object]:
    for record in plistlib.loads(Path(path).read_bytes()):
        yield {"source": path, **{name: str(value) for name, value in record.items()}}


def _logins() -> Iterator[object]:
    for line in _output("last", "-n", str(NEWEST)):
        if not line.startswith("wtmp begins"):
            yield {"source": "last", "line": line}


def _distributions() -> Iterator[object]:
    for found in metadata.distributions():
        yield {"source": "pip", "package": found.name, "version": found.version}


def _output(*command: str) -> list[str]:
    """Return the lines that a program prints."""
    done = subprocess.run(
        command, check=True, capture_output=True, timeout=_COMMAND_TIMEOUT
    )
    text = done.stdout.decode("utf-8", errors="backslashreplace")
    return [line for line in text.split("\n") if line.strip()]
