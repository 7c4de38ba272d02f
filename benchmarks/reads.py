"""Reading: how many proofs, tiles and entries a second does the server give out?

Random ones, of a log of 200,000 entries, to 64 connections; beside it a bare aiohttp
handler that answers a constant.
"""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.embeddedlog import append_entries
from benchmarks.options import parse_options
from benchmarks.result import Result, Table, number
from benchmarks.samples import interleave, ratio
from benchmarks.server import NAME, ORIGIN, bare_server, log_server
from benchmarks.wrk import Load, get_paths, require_wrk
from merklelog.tlog import Log
from proofs.tiles import Bundle, Tile

CONNECTIONS = 64

BARE = "bare aiohttp"

_PATHS = 10_000


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("reads", "Reading and proving", options)
    size = 20_000 if options.quick else 200_000
    kinds = _kinds(size)
    with options.scratch() as data:
        asyncio.run(_fill(data / "logs" / NAME, size))
        with log_server(data / "logs") as log, bare_server() as bare:

            def get(url: str, path: Callable[[], str]) -> Load:
                paths = [f"/logs/{NAME}{path()}" for _ in range(_PATHS)]
                return get_paths(
                    url, paths, data, connections=CONNECTIONS, seconds=options.seconds
                )

            measures = {BARE: partial(get, bare.url, lambda: "/checkpoint")}
            for name, path in kinds.items():
                measures[name] = partial(get, log.url, path)
            samples = interleave(measures, options.rounds)
    table = Table(
        f"Random reads of a log of {size:,} entries, {CONNECTIONS} connections",
        ("what", "requests/s", "× bare aiohttp", "p50 ms", "p99 ms", "MB/s"),
    )
    rates = {n: [load.requests_per_second for load in s] for n, s in samples.items()}
    for name, loads in samples.items():
        figures = {
            "requests_per_second": median(rates[name]),
            "times_bare": ratio(rates[name], rates[BARE]),
            "p50_ms": median(load.p50_ms for load in loads),
            "p99_ms": median(load.p99_ms for load in loads),
            "megabytes_per_second": median(load.bytes_per_second for load in loads)
            / 1e6,
        }
        result.figures.append({"what": name, **figures})
        table.rows.append((name, *map(number, figures.values())))
    result.tables.append(table)
    result.finish(options)


def _kinds(size: int) -> dict[str, Callable[[], str]]:
    """Return for each kind of read what makes the path of a random one."""

    def index() -> int:
        return random.randrange(size)

    def tile() -> int:
        return random.randrange(size // 256)

    return {
        "checkpoint": lambda: "/checkpoint",
        "inclusion proof": lambda: f"/proofs/inclusion?index={index()}",
        "consistency proof": lambda: f"/proofs/consistency?from={index()}&to={size}",
        "receipt": lambda: f"/receipts/{index()}",
        "entry": lambda: f"/entries/{index()}",
        "tile (256 hashes)": lambda: f"/{Tile(0, tile()).path}",
        "bundle (256 entries)": lambda: f"/{Bundle(tile()).path}",
    }


async def _fill(path: Path, size: int) -> None:
    async with Log.open(path, origin=ORIGIN) as log:
        await append_entries(log, size)


if __name__ == "__main__":
    main()
