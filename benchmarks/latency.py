"""One client, one request at a time: how long does it wait?

Beside it, in turn: one synced put of the same entry into plyvel, which is the least
that durable can cost on this disk; the embedded log without HTTP; HTTP without a log.
"""

from functools import partial
from pathlib import Path

import uvloop

from benchmarks.embeddedlog import append_batches
from benchmarks.options import parse_options
from benchmarks.rawstore import RawStore, measure_single_puts, raw_store
from benchmarks.result import Goal, Result, Table, number
from benchmarks.samples import interleave, ratio
from benchmarks.server import bare_server, log_server
from benchmarks.wrk import post_entries, require_wrk

PUT = "plyvel, one synced put"
BARE = "bare aiohttp"
EMBEDDED = "embedded, log.add"
ADD = "POST /add"
ENTRIES = "POST /entries"

GOAL = 3.0

Latency = tuple[float, float]
"""The median and the 99th percentile, in milliseconds."""


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("latency", "One client, one request at a time", options)
    seconds = options.seconds
    with (
        options.scratch() as data,
        log_server(data / "logs") as log,
        bare_server() as bare,
        raw_store(data / "raw") as store,
    ):
        measures = {
            PUT: partial(_put, store, seconds),
            EMBEDDED: partial(_embedded, data, seconds),
            BARE: partial(_post, bare.url, seconds),
            ADD: partial(_post, f"{log.url}/add", seconds),
            ENTRIES: partial(_post, f"{log.url}/entries", seconds),
        }
        samples = interleave(measures, options.rounds)
    table = Table("One at a time", ("what", "p50 ms", "p99 ms", "p50 × one synced put"))
    medians = {name: [p50 for p50, _ in taken] for name, taken in samples.items()}
    for name, taken in samples.items():
        p50, p99 = (sum(values) / len(values) for values in zip(*taken, strict=True))
        times_put = ratio(medians[name], medians[PUT])
        table.rows.append((name, number(p50), number(p99), number(times_put)))
        figures = {"p50_ms": p50, "p99_ms": p99, "times_put": times_put}
        result.figures.append({"what": name, **figures})
        if name == ENTRIES:
            what = "POST /entries, one client: median"
            unit = " × one synced put"
            result.goals.append(Goal(what, GOAL, times_put, unit, lower_is_better=True))
    result.tables.append(table)
    result.finish(options)


def _put(store: RawStore, seconds: float) -> Latency:
    timings = measure_single_puts(store, seconds)
    return timings.p50 * 1e3, timings.p99 * 1e3


def _post(url: str, seconds: float) -> Latency:
    load = post_entries(url, connections=1, seconds=seconds)
    return load.p50_ms, load.p99_ms


def _embedded(data: Path, seconds: float) -> Latency:
    timings = uvloop.run(append_batches(data / "embedded", 1, seconds))
    return timings.p50 * 1e3, timings.p99 * 1e3


if __name__ == "__main__":
    main()
