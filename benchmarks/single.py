"""One entry a request: how many a second, and how long does each take?

Measured at each number of connections, in turn:

- POST /logs/main/entries: durable, and answered with the receipt (inclusion proof and
  freshly signed checkpoint);
- POST /logs/main/add: durable and under a signed checkpoint, answered with the index;
- a bare aiohttp handler that reads the body and answers a constant.
"""

from functools import partial
from statistics import median

from benchmarks.options import parse_options
from benchmarks.plot import plot_lines
from benchmarks.result import Goal, Result, Table, number
from benchmarks.samples import interleave, ratio
from benchmarks.server import bare_server, log_server
from benchmarks.wrk import Load, post_entries, require_wrk

CONNECTIONS = (1, 8, 64, 256, 512)

BARE = "bare aiohttp"
ENTRIES = "POST /entries"
ADD = "POST /add"

# (what, connections) -> requests/s as a multiple of the bare handler's.
GOALS = {(ENTRIES, 64): 0.7, (ENTRIES, 256): 0.85, (ADD, 64): 0.85, (ADD, 256): 0.95}


def main() -> None:
    """Measure, and write the result."""
    options = parse_options(__doc__)
    require_wrk()
    result = Result.start("single", "One entry a request", options)
    samples: dict[int, dict[str, list[Load]]] = {}
    with options.scratch() as data, log_server(data) as log, bare_server() as bare:
        urls = {BARE: bare.url, ENTRIES: f"{log.url}/entries", ADD: f"{log.url}/add"}
        for url in urls.values():
            post_entries(url, connections=64, seconds=1)  # to warm up
        for connections in CONNECTIONS:
            measures = {
                name: partial(
                    post_entries, url, connections=connections, seconds=options.seconds
                )
                for name, url in urls.items()
            }
            samples[connections] = interleave(measures, options.rounds)
    _tabulate(result, samples)
    for quantity, log_y in (("requests_per_second", False), ("p50_ms", True)):
        plot = f"single-{quantity.partition('_')[0]}.svg"
        lines = {
            name: [(c, _median(samples[c][name], quantity)) for c in CONNECTIONS]
            for name in urls
        }
        title = "One entry a request"
        y = quantity.replace("_", " ")
        x = "connections"
        plot_lines(options.plots / plot, lines, title=title, x=x, y=y, log_y=log_y)
        result.plots.append(plot)
    result.finish(options)


def _tabulate(result: Result, samples: dict[int, dict[str, list[Load]]]) -> None:
    table = Table(
        "One entry of 200 bytes a request",
        ("connections", "what", "requests/s", "× bare aiohttp", "p50 ms", "p99 ms"),
    )
    result.tables.append(table)
    for connections, by_name in samples.items():
        rates = {
            name: [load.requests_per_second for load in loads]
            for name, loads in by_name.items()
        }
        for name, loads in by_name.items():
            times_bare = ratio(rates[name], rates[BARE])
            figures = {
                "requests_per_second": median(rates[name]),
                "times_bare": times_bare,
                "p50_ms": _median(loads, "p50_ms"),
                "p99_ms": _median(loads, "p99_ms"),
            }
            result.figures.append({"connections": connections, "what": name, **figures})
            table.rows.append(
                (
                    str(connections),
                    name,
                    *(number(figure) for figure in figures.values()),
                )
            )
            if goal := GOALS.get((name, connections)):
                what = f"{name}, {connections} connections: requests/s"
                result.goals.append(Goal(what, goal, times_bare, " × bare aiohttp"))


def _median(loads: list[Load], quantity: str) -> float:
    values: list[float] = [getattr(load, quantity) for load in loads]
    return median(values)


if __name__ == "__main__":
    main()
