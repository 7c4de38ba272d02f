"""Servers in processes of their own: the log's, and the bare one beside it."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from merklelog.tlog import Log

ORIGIN = "example.com/bench"
NAME = "main"

# The server's own, with some room: it finishes requests for at most 30 s.
_STOP_TIMEOUT = 40


@dataclass(frozen=True, slots=True)
class Memory:
    """A process's resident memory, in bytes."""

    resident: int
    anonymous: int
    """Its own pages; the others are of files, and the kernel may drop them."""
    peak: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    url: str
    process_number: int
    start_seconds: float
    """From starting Python to listening."""

    @property
    def memory(self) -> Memory:
        """What it has resident now."""
        return memory_of(self.process_number)


def memory_of(process_number: int | str) -> Memory:
    """Return the resident memory of a process; ``"self"`` is this one."""
    status = Path(f"/proc/{process_number}/status").read_text("utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    resident, anonymous, peak = (
        int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "VmHWM")
    )
    return Memory(resident, anonymous, peak)


@contextmanager
def log_server(data: Path) -> Iterator[Server]:
    """Serve the log in *data*/main, created when absent. The URL is the log's."""
    if not (data / NAME).exists():
        asyncio.run(_create(data / NAME))
    program = ["-m", "merklelog.cli.main", "serve", "--json", "--listen=127.0.0.1:0"]
    with _running([*program, f"--data={data}"]) as server:
        yield server


@contextmanager
def bare_server() -> Iterator[Server]:
    """Serve the handler of `benchmarks.bare`."""
    with _running(["-m", "benchmarks.bare"]) as server:
        yield server


@contextmanager
def _running(program: list[str]) -> Iterator[Server]:
    started = time.perf_counter()
    environment = {**os.environ, "MERKLELOG_LOG_LEVEL": "warning"}
    process = subprocess.Popen(
        [sys.executable, *program], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{program} ended before it served")
        (url,) = json.loads(line)["urls"]
        yield Server(url, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        process.communicate(timeout=_STOP_TIMEOUT)


async def _create(path: Path) -> None:
    async with Log.open(path, origin=ORIGIN):
        pass
