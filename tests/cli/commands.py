"""Running merklelog: in this process, and as a server in one of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

MERKLELOG = (sys.executable, "-m", "merklelog.cli.main")


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """The object that it printed."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Cli = Callable[..., Done]


class Served(NamedTuple):
    """A log that a server holds."""

    url: str
    vkey: str
    data: Path


def start(*arguments: object, **options: int) -> "subprocess.Popen[bytes]":
    """Start a command in a process of its own."""
    command = [*MERKLELOG, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload, no-any-return]  # other pipes


def call(*arguments: object, stdin: bytes = b"") -> bytes:
    """Run a command in a process of its own, to success; return what it prints."""
    command = [*MERKLELOG, *map(str, arguments)]
    done = subprocess.run(command, check=True, input=stdin, stdout=subprocess.PIPE)
    return done.stdout


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Serve *data* in a process of its own; give the URL of its log."""
    server = start("serve", "--data", data, "--listen", "127.0.0.1:0", "--json")
    assert server.stdout is not None
    try:
        (url,) = json.loads(server.stdout.readline())["urls"]
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.stdout.close()
        assert server.wait(30) == 0
