"""Memory: how much does the server hold, idle and under each kind of load?

One server, one load after the other. "Anonymous" is its own memory; the rest of what
is resident are pages of files, LevelDB's mapped tables first, which the kernel can
drop. The peak is that of the process's life so far.
"""

import random
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.options import parse_options
from benchmarks.result import Goal, Result, Table, number
from benchmarks.server import NAME, bare_server, log_server
from benchmarks.wrk import get_paths, post_entries, require_wrk

GOAL_MB = 300


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("memory", "Memory of the server", options)
    with (
        options.scratch() as data,
        bare_server() as bare,
        log_server(data / "logs") as log,
    ):
        rows = {"bare aiohttp": bare.memory, "start": log.memory}
        for name, load in _loads(log.url, data, 2 * options.seconds).items():
            load()
            rows[name] = log.memory
    headings = ("after", "resident MB", "anonymous MB", "peak MB")
    table = Table("One load after the other", headings)
    for name, memory in rows.items():
        sizes = (memory.resident, memory.anonymous, memory.peak)
        table.rows.append((name, *(number(size / 1e6) for size in sizes)))
        result.figures.append({"after": name, **asdict(memory)})
    result.tables.append(table)
    peak = max(memory.peak for memory in rows.values()) / 1e6
    result.goals.append(Goal("peak resident memory", GOAL_MB, peak, " MB", True))
    result.finish(options)


def _loads(url: str, scratch: Path, seconds: float) -> dict[str, Callable[[], object]]:
    """Return every kind of load on the log at *url*."""
    indexes = (random.randrange(1_000) for _ in range(1_000))
    paths = [f"/logs/{NAME}/receipts/{index}" for index in indexes]
    entries = partial(post_entries, f"{url}/entries", seconds=seconds)
    receipts = partial(post_entries, f"{url}/entries?receipt=full", seconds=seconds)
    return {
        "single entries, 512 connections": partial(entries, connections=512),
        "batches of 1,000, 4 connections": partial(
            entries, connections=4, entries=1_000
        ),
        "batches of 25,000 (5 MB), 4 connections": partial(
            entries, connections=4, entries=25_000
        ),
        "the same with all receipts, 1 connection": partial(
            receipts, connections=1, entries=25_000
        ),
        "random receipts, 64 connections": partial(
            get_paths, url, paths, scratch, connections=64, seconds=seconds
        ),
    }


if __name__ == "__main__":
    main()
