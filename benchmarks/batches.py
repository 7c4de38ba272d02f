"""Batches through HTTP: how many entries a second, by the size of the batch?

POST /logs/main/entries with NDJSON, answered with the summary that carries the signed
checkpoint, from one connection and from four; and with a receipt for each entry. The
baseline is plyvel alone: synced batches of as many puts, with ascending keys and with
random ones, as hashes are.
"""

from functools import partial
from statistics import median

from benchmarks.options import Options, parse_options
from benchmarks.plot import plot_lines
from benchmarks.rawstore import measure_puts, raw_store
from benchmarks.result import Goal, Result, Table, number
from benchmarks.samples import interleave, ratio
from benchmarks.server import log_server
from benchmarks.wrk import post_entries, require_wrk

SIZES = (10, 100, 1_000, 10_000)

RAW = "plyvel, ascending keys"
RAW_RANDOM = "plyvel, random keys"
ONE = "HTTP, 1 connection"
FOUR = "HTTP, 4 connections"
RECEIPTS = "HTTP, 1 connection, all receipts"

# For batches of 1,000.
GOAL_SIZE = 1_000
GOAL_RATE = 220_000
GOAL_TIMES_RAW = 0.4


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("batches", "Batches through HTTP", options)
    samples = {size: _measure(size, options) for size in SIZES}
    _tabulate(result, samples)
    lines = {
        name: [(size, median(samples[size][name])) for size in SIZES]
        for name in samples[SIZES[0]]
    }
    plot_lines(
        options.plots / "batches.svg",
        lines,
        title="Batches through HTTP, durable",
        x="entries in a batch",
        y="entries per second",
    )
    result.plots.append("batches.svg")
    result.finish(options)


def _measure(size: int, options: Options) -> dict[str, list[float]]:
    """Return entries per second of each kind, in batches of *size*: a log for each."""
    with options.scratch() as data, log_server(data / "logs") as log:
        url = f"{log.url}/entries"
        seconds = options.seconds

        def post(connections: int, query: str = "") -> float:
            load = post_entries(
                url + query, connections=connections, seconds=seconds, entries=size
            )
            return load.requests_per_second * size

        measures = {
            RAW: partial(_raw, size, options, random_keys=False),
            RAW_RANDOM: partial(_raw, size, options, random_keys=True),
            ONE: partial(post, 1),
            FOUR: partial(post, 4),
            RECEIPTS: partial(post, 1, "?receipt=full"),
        }
        return interleave(measures, options.rounds)


def _raw(size: int, options: Options, *, random_keys: bool) -> float:
    with (
        options.scratch() as data,
        raw_store(data / "raw", random_keys=random_keys) as store,
    ):
        return measure_puts(store, size, options.seconds).per_second * size


def _tabulate(result: Result, samples: dict[int, dict[str, list[float]]]) -> None:
    table = Table(
        "Entries of 200 bytes, in batches",
        ("entries in a batch", "what", "entries/s", "× plyvel, ascending keys"),
    )
    result.tables.append(table)
    for size, by_name in samples.items():
        for name, rates in by_name.items():
            rate, times_raw = median(rates), ratio(rates, by_name[RAW])
            table.rows.append((f"{size:,}", name, number(rate), number(times_raw)))
            figures = {"entries_per_second": rate, "times_raw": times_raw}
            result.figures.append({"batch": size, "what": name, **figures})
            if size == GOAL_SIZE and name in (ONE, FOUR):
                what = f"batches of 1,000 through {name}"
                result.goals += [
                    Goal(what, GOAL_RATE, rate, " entries/s"),
                    Goal(what, GOAL_TIMES_RAW, times_raw, " × plyvel"),
                ]


if __name__ == "__main__":
    main()
