"""A growing log: what do an append, an open and a proof cost at 10,000,000 entries?

The log grows in batches of 1,000; plyvel alone grows beside it, 100,000 entries in
turn. At each size: the append rate over the last half of the way there, how long
opening takes, bytes on disk, and how many keys of the store an inclusion proof reads
and how long that takes. Then a server is started on the log and asked for random
receipts; what it has resident is its memory. At the last size it is loaded with
batches and with single entries as well.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import uvloop

from benchmarks.embeddedlog import append_entries
from benchmarks.entries import batches
from benchmarks.options import Options, parse_options
from benchmarks.plot import plot_lines
from benchmarks.rawstore import RawStore, raw_store
from benchmarks.result import Goal, Result, Table, number
from benchmarks.server import NAME, ORIGIN, Memory, log_server
from benchmarks.wrk import get_paths, post_entries, require_wrk
from merklelog.storage.leveldb import LevelDBStore
from merklelog.tlog import Log
from merklelog.tlog.reader import Reader

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK_SIZES = (10_000, 100_000)

# How much is appended before it is plyvel's turn.
_TURN = 100_000
_BATCH = 1_000
_PROOFS = 1_000

GOAL_RATE = 0.8
GOAL_OPEN_SECONDS = 1.0
GOAL_MEMORY_MB = 300


@dataclass(frozen=True, slots=True)
class Stage:
    """What was measured at one size of the log."""

    size: int
    entries_per_second: float
    """Over the last half of the way there."""
    times_raw: float
    open_seconds: float
    disk_bytes_per_entry: float
    keys_per_proof: float
    proof_ms: float
    server_start_seconds: float
    resident_bytes: int
    """Of the server, after random receipts."""
    anonymous_bytes: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The time that appending up to *size* took, since the turn before it."""

    size: int
    entries: int
    log_seconds: float
    raw_seconds: float


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("growth", "A growing log", options)
    sizes = QUICK_SIZES if options.quick else SIZES
    stages: list[Stage] = []
    turns: list[Turn] = []
    with options.scratch() as data, raw_store(data / "raw") as raw:
        logs = data / "logs"
        for size in sizes:
            start = turns[-1].size if turns else 0
            turns += uvloop.run(_grow(logs / NAME, raw, start, size))
            stages.append(_examine(logs, size, turns, options))
            print(stages[-1])
        loaded = _load(logs, options)
    _tabulate(result, stages, loaded)
    per_second = {
        "merklelog": [(turn.size, turn.entries / turn.log_seconds) for turn in turns],
        "plyvel, ascending keys": [
            (turn.size, turn.entries / turn.raw_seconds) for turn in turns
        ],
    }
    plot_lines(
        options.plots / "growth.svg",
        per_second,
        title="Embedded append in batches of 1,000, as the log grows",
        x="entries in the log",
        y="entries per second",
    )
    result.plots.append("growth.svg")
    result.figures += [asdict(stage) for stage in stages]
    result.finish(options)


async def _grow(path: Path, raw: RawStore, start: int, end: int) -> list[Turn]:
    """Append entries up to the size *end*, to the log and to *raw* in turn."""
    turns = []
    turn = min(_TURN, (end - start) // 4 // _BATCH * _BATCH)
    async with Log.open(path, origin=ORIGIN) as log:
        while (size := log.head.size) < end:
            count = min(turn, end - size)
            log_seconds = await append_entries(log, count, _BATCH)
            raw_seconds = sum(
                raw.put(entries) for entries in islice(batches(_BATCH), count // _BATCH)
            )
            turns.append(Turn(size + count, count, log_seconds, raw_seconds))
    return turns


def _examine(logs: Path, size: int, turns: Sequence[Turn], options: Options) -> Stage:
    """Measure the log at *size*, which nothing has open."""
    half = [turn for turn in turns if size // 2 < turn.size <= size]
    entries = sum(turn.entries for turn in half)
    log_seconds = sum(turn.log_seconds for turn in half)
    disk = sum(file.stat().st_size for file in (logs / NAME / "store").iterdir())
    open_seconds = uvloop.run(_open(logs / NAME))
    keys_per_proof, proof_seconds = uvloop.run(_prove(logs / NAME, size))
    start_seconds, memory = _serve_receipts(logs, size, options)
    return Stage(
        size,
        entries / log_seconds,
        sum(turn.raw_seconds for turn in half) / log_seconds,
        open_seconds,
        disk / size,
        keys_per_proof,
        proof_seconds * 1e3,
        start_seconds,
        memory.resident,
        memory.anonymous,
    )


async def _open(path: Path) -> float:
    """Return how long opening takes, its store included."""
    started = time.perf_counter()
    async with Log.open(path):
        return time.perf_counter() - started


class CountingStore(LevelDBStore):
    """A store that counts the keys that are read from it."""

    keys_read = 0

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Count, and read."""
        self.keys_read += len(keys)
        return await super().get_many(keys)


async def _prove(path: Path, size: int) -> tuple[float, float]:
    """Return keys read and seconds taken by an inclusion proof, of random entries."""
    store = await CountingStore.open(path / "store")
    try:
        reader = Reader(store, ORIGIN)
        started = time.perf_counter()
        for _ in range(_PROOFS):
            await reader.inclusion_proof(random.randrange(size), size)
        seconds = time.perf_counter() - started
    finally:
        await store.close()
    return store.keys_read / _PROOFS, seconds / _PROOFS


def _serve_receipts(logs: Path, size: int, options: Options) -> tuple[float, Memory]:
    """Return how long a server took to start, and its memory after random receipts."""
    with log_server(logs) as server:
        indexes = (random.randrange(size) for _ in range(10_000))
        paths = [f"/logs/{NAME}/receipts/{index}" for index in indexes]
        seconds = options.seconds
        get_paths(server.url, paths, logs.parent, connections=8, seconds=seconds)
        return server.start_seconds, server.memory


def _load(logs: Path, options: Options) -> Memory:
    """Return the memory of a server on the last log, after every kind of load."""
    with log_server(logs) as server:
        url = f"{server.url}/entries"
        post_entries(url, connections=256, seconds=options.seconds)
        post_entries(url, connections=4, seconds=options.seconds, entries=_BATCH)
        return server.memory


def _tabulate(result: Result, stages: Sequence[Stage], loaded: Memory) -> None:
    table = Table(
        "At each size",
        (
            "entries",
            "append/s",
            "× plyvel",
            "open s",
            "server start s",
            "disk bytes/entry",
            "keys/proof",
            "ms/proof",
            "resident MB",
        ),
    )
    for stage in stages:
        figures = (
            stage.entries_per_second,
            stage.times_raw,
            stage.open_seconds,
            stage.server_start_seconds,
            stage.disk_bytes_per_entry,
            stage.keys_per_proof,
            stage.proof_ms,
            stage.resident_bytes / 1e6,
        )
        table.rows.append((f"{stage.size:,}", *map(number, figures)))
    result.tables.append(table)
    last = stages[-1]
    at_100_000 = next(stage for stage in stages if stage.size == 100_000)
    slowed = last.entries_per_second / at_100_000.entries_per_second
    at = f"at {last.size:,} entries"
    result.goals += [
        Goal(f"{at}: append rate", GOAL_RATE, slowed, " × that at 100,000"),
        Goal(f"{at}: opening", GOAL_OPEN_SECONDS, last.open_seconds, " s", True),
        Goal(
            f"{at}: resident, reading",
            GOAL_MEMORY_MB,
            last.resident_bytes / 1e6,
            " MB",
            True,
        ),
        Goal(
            f"{at}: resident, loaded",
            GOAL_MEMORY_MB,
            loaded.resident / 1e6,
            " MB",
            True,
        ),
    ]


if __name__ == "__main__":
    main()
