"""Appending to a log in this process."""

import asyncio
import time
from itertools import islice
from pathlib import Path

from benchmarks.entries import batches
from benchmarks.samples import Timings
from benchmarks.server import ORIGIN
from merklelog.tlog import Log


async def append_batches(path: Path, batch_size: int, seconds: float) -> Timings:
    """Append batches one after the other for *seconds*, and time each."""
    durations = []
    async with Log.open(path, origin=ORIGIN) as log:
        end = time.perf_counter() + seconds
        for entries in batches(batch_size):
            started = time.perf_counter()
            await log.add(entries)
            finished = time.perf_counter()
            durations.append(finished - started)
            if finished >= end:
                break
    return Timings(durations)


async def append_in_parallel(
    path: Path, batch_size: int, seconds: float, *, tasks: int
) -> float:
    """Append batches from several *tasks* for *seconds*; return entries per second."""
    async with Log.open(path, origin=ORIGIN) as log:
        started = time.perf_counter()
        end = started + seconds

        async def append() -> None:
            for entries in batches(batch_size):
                await log.add(entries)
                if time.perf_counter() >= end:
                    break

        await asyncio.gather(*(append() for _ in range(tasks)))
        return log.head.size / (time.perf_counter() - started)


async def append_entries(log: Log, count: int, batch_size: int = 1_000) -> float:
    """Append *count* entries, in whole batches; return the seconds it took."""
    waited = 0.0
    for entries in islice(batches(batch_size), count // batch_size):
        started = time.perf_counter()
        await log.add(entries)
        waited += time.perf_counter() - started
    return waited
