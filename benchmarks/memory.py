"""Memory: how much does the server hold, idle and under each kind of load?

One server, one load after the other. "Anonymous" is its own memory; the rest of what
is resident are pages of files, LevelDB's mapped tables first, which the kernel can
drop. The peak is that of the process's life so far.
"""

import random
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

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
    table = Table(
        "One load after the other", ("after", "resident MB", "anonymous", "peak")
    )
    with options.scratch() as data, bare_server() as bare:
        with log_server(data / "logs") as log:
            url = f"{log.url}/entries"
            post = partial(post_entries, seconds=2 * options.seconds)
            paths = [
                f"/logs/{NAME}/receipts/{random.randrange(1000)}" for _ in range(1000)
            ]
            loads: dict[str, Callable[[], object]] = {
                "start": lambda: None,
                "single entries, 512 connections": partial(post, url, connections=512),
                "batches of 1,000, 4 connections": partial(
                    post, url, connections=4, entries=1_000
                ),
                "batches of 50,000 (10 MB), 8 connections": partial(
                    post, url, connections=8, entries=50_000
                ),
                "the same with all receipts, 1 connection": partial(
                    post, f"{url}?receipt=full", connections=1, entries=50_000
                ),
                "receipts, 64 connections": partial(
                    get_paths,
                    log.url,
                    paths,
                    data,
                    connections=64,
                    seconds=options.seconds,
                ),
            }
            rows = {"bare aiohttp": bare.memory}
            for name, load in loads.items():
                load()
                rows[name] = log.memory
    for name, memory in rows.items():
        sizes = (memory.resident, memory.anonymous, memory.peak)
        table.rows.append((name, *(number(size / 1e6) for size in sizes)))
        result.figures.append({"after": name, **asdict(memory)})
    result.tables.append(table)
    peak = max(memory.peak for memory in rows.values()) / 1e6
    result.goals.append(Goal("peak resident memory", GOAL_MB, peak, " MB", True))
    result.finish(options)


if __name__ == "__main__":
    main()
