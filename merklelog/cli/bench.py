"""``merklelog bench``: a small load, and the rates that it reached."""

import asyncio
import os
import tempfile
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import click

from merklelog.cli.options import check_log_url, json_option
from merklelog.cli.output import print_json, print_table
from merklelog.clock import monotonic

_BATCH = 1_000
_CONCURRENCY = 64

Append = Callable[[list[bytes]], Awaitable[object]]
"""Appends entries, and returns once they are durable."""


class Measurement(NamedTuple):
    """One row of the result."""

    what: str
    entries_per_second: float
    median_ms: float
    p99_ms: float


@click.command()
@click.option(
    "--url",
    callback=check_log_url,
    metavar="URL",
    help="Load this log. What is appended stays in it for good.",
)
@click.option("--yes", is_flag=True, help="Yes, append to the log at --url.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 600),
    default=3.0,
    show_default=True,
    help="For each row.",
)
@click.option(
    "--size",
    type=click.IntRange(1, 65_535),
    default=200,
    show_default=True,
    help="Bytes of an entry: random printable characters.",
)
@json_option
def bench(
    *, url: str | None, yes: bool, seconds: float, size: int, as_json: bool
) -> None:
    """Append for some seconds, and print the rates.

    Without --url to a temporary log inside this process, on the disk of the
    temporary folder (TMPDIR). Every append that is counted is durable. The figures
    are of this machine now; benchmarks/ has the careful ones.

    \b
    Example:
      merklelog bench
      merklelog bench --url http://127.0.0.1:8080/logs/scratch --yes
    """
    if url is not None and not yes:
        raise click.UsageError(
            "the entries would stay in that log for good: add --yes, or leave out --url"
        )
    import uvloop

    # The loop that the server runs on.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(_bench(url, seconds, size))
    if as_json:
        print_json({"entry_bytes": size, "rows": [row._asdict() for row in rows]})
        return
    print_table(
        ("appending", "entries/s", "median ms", "p99 ms"),
        [
            (
                row.what,
                f"{row.entries_per_second:,.0f}",
                f"{row.median_ms:.2f}",
                f"{row.p99_ms:.2f}",
            )
            for row in rows
        ],
    )


async def _bench(url: str | None, seconds: float, size: int) -> list[Measurement]:
    async with AsyncExitStack() as stack:
        if url is None:
            append = await _embedded(stack)
        else:
            append = await _over_http(stack, url)
        return [
            await measure(append, 1, 1, seconds, size),
            await measure(append, 1, _CONCURRENCY, seconds, size),
            await measure(append, _BATCH, 1, seconds, size),
            await measure(append, _BATCH, 4, seconds, size),
        ]


async def measure(
    append: Append, batch: int, concurrency: int, seconds: float, size: int
) -> Measurement:
    """Append batches from *concurrency* tasks for *seconds*, and time each."""
    latencies: list[float] = []
    started = monotonic()
    deadline = started + seconds
    # Made before the clock starts; each use is made distinct by its number.
    padding = b64encode(os.urandom(size))

    async def work(worker: int) -> None:
        number = 0
        while (begun := monotonic()) < deadline:
            prefix = b"%d-%d-" % (worker, number)
            await append([(prefix + b"%d-" % i + padding)[:size] for i in range(batch)])
            latencies.append(monotonic() - begun)
            number += 1

    await asyncio.gather(*map(work, range(concurrency)))
    elapsed = monotonic() - started
    percentiles = quantiles([*latencies, *latencies[:1]], n=100)
    return Measurement(
        f"{'one' if batch == 1 else f'{batch:,}'} at a time, {concurrency} in parallel",
        len(latencies) * batch / elapsed,
        percentiles[49] * 1000,
        percentiles[98] * 1000,
    )


async def _embedded(stack: AsyncExitStack) -> Append:
    from merklelog.tlog import Log

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="merklelog-bench"))
    path = Path(folder) / "bench"
    log = await stack.enter_async_context(Log.open(path, origin="localhost/bench"))
    return log.add


async def _over_http(stack: AsyncExitStack, url: str) -> Append:
    from merklelog.client.http import LogClient
    from merklelog.client.submit import encode_batch

    client = await stack.enter_async_context(LogClient(url))

    async def append(entries: list[bytes]) -> object:
        if len(entries) == 1:
            kind, body, receipts = "application/octet-stream", entries[0], "full"
        else:
            kind, body = encode_batch(entries)
            receipts = "summary"
        return await client.submit(body, content_type=kind, receipts=receipts)

    return append
