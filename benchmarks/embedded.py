"""A log inside the program: how many entries a second, by the size of the batch?

`Log.add` returns when a batch is durable and under a signed checkpoint; one batch
after the other, and four at a time. Beside it, in turn:

- plyvel alone: synced batches of as many puts, with ascending and with random keys;
- pymerkle, a Merkle tree in Python: its bulk append into SQLite, durable too, and into
  memory. Neither computes a root, signs, or finds an entry by its hash;
- SHA-256 alone: one leaf hash and one node hash an entry, as hashlib does them, which
  no log in Python can go below.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from pymerkle import InmemoryTree, SqliteTree

from benchmarks.embeddedlog import append_batches, append_in_parallel
from benchmarks.entries import batches
from benchmarks.options import Options, parse_options
from benchmarks.plot import plot_lines
from benchmarks.rawstore import measure_puts, raw_store
from benchmarks.result import Goal, Result, Table, number
from benchmarks.samples import interleave, ratio, repeat

SIZES = (1, 10, 100, 1_000, 10_000)

LOG = "merklelog"
LOG_PARALLEL = "merklelog, 4 at a time"
RAW = "plyvel, ascending keys"
RAW_RANDOM = "plyvel, random keys"
SQLITE = "pymerkle in SQLite"
IN_MEMORY = "pymerkle in memory"
HASHING = "SHA-256 alone"

# For batches of 1,000.
GOAL_SIZE = 1_000
GOAL_RATE = 350_000


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    result = Result.start("embedded", "A log inside the program", options)
    samples = {size: _measure(size, options) for size in SIZES}
    _tabulate(result, samples)
    lines = {
        name: [(size, median(samples[size][name])) for size in SIZES]
        for name in samples[SIZES[0]]
    }
    plot_lines(
        options.plots / "embedded.svg",
        lines,
        title="Embedded append",
        x="entries in a batch",
        y="entries per second",
        log_y=True,
    )
    result.plots.append("embedded.svg")
    result.finish(options)


def _measure(size: int, options: Options) -> dict[str, list[float]]:
    """Return entries per second of each kind, each time in a new folder."""
    kinds: dict[str, Callable[[Path, int, float], float]] = {
        LOG: _log,
        LOG_PARALLEL: _log_parallel,
        RAW: partial(_raw, random_keys=False),
        RAW_RANDOM: partial(_raw, random_keys=True),
        SQLITE: _sqlite,
        IN_MEMORY: _in_memory,
        HASHING: _hashing,
    }

    def measure(kind: Callable[[Path, int, float], float]) -> float:
        with options.scratch() as data:
            return kind(data, size, options.seconds)

    measures = {name: partial(measure, kind) for name, kind in kinds.items()}
    return interleave(measures, options.rounds)


def _log(data: Path, size: int, seconds: float) -> float:
    return uvloop.run(append_batches(data / "main", size, seconds)).per_second * size


def _log_parallel(data: Path, size: int, seconds: float) -> float:
    return uvloop.run(append_in_parallel(data / "main", size, seconds, tasks=4))


def _raw(data: Path, size: int, seconds: float, *, random_keys: bool) -> float:
    with raw_store(data / "raw", random_keys=random_keys) as store:
        return measure_puts(store, size, seconds).per_second * size


def _sqlite(data: Path, size: int, seconds: float) -> float:
    with closing(SqliteTree(str(data / "tree.db"))) as tree:
        return _bulk_append(tree, size, seconds)


def _in_memory(_data: Path, size: int, seconds: float) -> float:
    return _bulk_append(InmemoryTree(), size, seconds)


def _bulk_append(tree: Any, size: int, seconds: float) -> float:  # noqa: ANN401 - untyped
    source = batches(size)
    append = repeat(lambda: tree.append_entries(next(source)), seconds)
    return append.per_second * size


def _hashing(_data: Path, size: int, seconds: float) -> float:
    source = batches(size)
    return repeat(lambda: _hash(next(source)), seconds).per_second * size


def _hash(entries: Sequence[bytes]) -> list[bytes]:
    """Make as many leaf hashes, and as many node hashes, as a tree of *entries* has."""
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
    return [sha256(b"\x01" + leaf + leaf).digest() for leaf in leaves]


def _tabulate(result: Result, samples: dict[int, dict[str, list[float]]]) -> None:
    table = Table(
        "Entries of 200 bytes, in batches",
        ("entries in a batch", "what", "entries/s", "merklelog is"),
    )
    result.tables.append(table)
    for size, by_name in samples.items():
        for name, rates in by_name.items():
            rate, times = median(rates), ratio(by_name[LOG], rates)
            table.rows.append(
                (f"{size:,}", name, number(rate), f"{number(times)} × that")
            )
            figures = {"entries_per_second": rate, "merklelog_is_times": times}
            result.figures.append({"batch": size, "what": name, **figures})
            if size != GOAL_SIZE:
                continue
            if name in (LOG, LOG_PARALLEL):
                what = f"embedded, batches of 1,000: {name}"
                result.goals.append(Goal(what, GOAL_RATE, rate, " entries/s"))
            if name in (SQLITE, IN_MEMORY):
                what = f"embedded, batches of 1,000: {name}"
                result.goals.append(Goal(what, 1, times, " × that"))


if __name__ == "__main__":
    main()
