"""The real server in a process of its own, for tests that start, stop and kill it."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_URL = re.compile(r"http://[0-9.]+:[0-9]+/logs/[a-z0-9-]+")

_START_TIMEOUT = 60.0


def run_cli(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``merklelog`` with *arguments*, and return what became of it."""
    return subprocess.run(
        [sys.executable, "-m", "merklelog", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


class ServerProcess:
    """``merklelog serve`` of a data folder; ready when the block begins."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self._command = [
            *(sys.executable, "-m", "merklelog", "serve", "--data", str(data)),
            *("--listen", "127.0.0.1:0", *arguments),
        ]
        self.log_url = ""
        """The URL of the first log, once the server runs."""
        self.errors = ""
        """What it wrote to stderr, once it has ended."""
        self._stderr: threading.Thread

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        # Read all the time, or the server would block on a full pipe.
        self._stderr = threading.Thread(target=self._drain, daemon=True)
        self._stderr.start()
        assert self.process.stdout is not None
        giving_up = threading.Timer(_START_TIMEOUT, self.process.kill)
        giving_up.start()
        for line in self.process.stdout:
            if found := _URL.search(line):
                self.log_url = found.group()
                break
        giving_up.cancel()
        if not self.log_url:
            self.kill()
            raise AssertionError(f"the server did not start: {self.errors}")
        return self

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line

    def kill(self) -> None:
        """End it with SIGKILL: no handler runs, nothing is flushed."""
        self.process.kill()
        self._reap()

    def terminate(self) -> int:
        """Ask it to stop with SIGTERM; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(timeout=60)
        self._stderr.join(timeout=10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.terminate()
