"""The load generator: wrk, one thread, on the same cores as the server."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    bytes_per_second: float
    """Of the answers, heads included."""


def require_wrk() -> None:
    """End the program with a message that says what to install, where wrk is absent."""
    if shutil.which("wrk") is None:
        sys.exit(
            "wrk, the load generator, is not installed: `apt-get install wrk` on "
            "Debian and Ubuntu, `brew install wrk` on macOS"
        )


def post_entries(
    url: str, *, connections: int, seconds: float, entries: int = 1
) -> Load:
    """Post to *url* for *seconds*, *entries* in each request."""
    arguments = [secrets.token_hex(3), str(entries)]
    return _run(url, "post.lua", arguments, connections, seconds)


def get_paths(
    url: str, paths: Iterable[str], scratch: Path, *, connections: int, seconds: float
) -> Load:
    """Get *paths* of the server at *url* for *seconds*, one after the other.

    *scratch* is a folder for the list of them.
    """
    file = scratch / "paths"
    file.write_text("".join(f"{path}\n" for path in paths), "ascii")
    return _run(url, "get.lua", [str(file)], connections, seconds)


def _run(
    url: str, script: str, arguments: list[str], connections: int, seconds: float
) -> Load:
    """Run wrk, and insist that every answer was a good one."""
    command = ["wrk", "--threads=1", f"--connections={connections}"]
    # wrk takes whole seconds.
    command += [f"--duration={max(1, round(seconds))}s", "--timeout=30s"]
    command += [f"--script={_FOLDER / script}", url, "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"wrk failed: {done.stderr}{done.stdout}")
    facts = json.loads(lines[-1])
    if facts["errors"] or not facts["requests"]:
        raise RuntimeError(f"{url} did not answer every request: {done.stdout}")
    elapsed = facts["duration"] / 1e6
    return Load(
        facts["requests"] / elapsed,
        facts["p50"] / 1e3,
        facts["p99"] / 1e3,
        facts["bytes"] / elapsed,
    )
