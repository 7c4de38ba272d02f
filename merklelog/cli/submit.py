"""``merklelog submit``: the records of files into a log."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO

import click

from merklelog.cli.options import json_option, url_option
from merklelog.cli.output import print_json, progress
from merklelog.client.errors import ClientError, ServerProblem

if TYPE_CHECKING:
    from merklelog.client.records import RecordFile
    from merklelog.client.submit import Accepted


@click.command()
@url_option()
@click.option(
    "--receipts",
    "receipts_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one receipt a line (NDJSON) to this new file.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Batches in flight. Above 1, records keep their order within a batch only.",
)
@json_option
@click.argument("files", nargs=-1, required=True, metavar="FILE... | -")
def submit(
    *,
    url: str,
    receipts_path: Path | None,
    concurrency: int,
    as_json: bool,
    files: tuple[str, ...],
) -> None:
    """Submit the records of files to a log, one entry a record.

    A file holds one record a line (NDJSON; lines go as they are, blank ones are
    skipped), a JSON array, or an object with "Records", as CloudTrail writes them:
    then each element goes as the exact slice of the file, made compact where it spans
    lines. "-" is standard input, which is read to its end first.

    Every record is checked before the first is sent: an entry has 1 to 65,535
    bytes. A JSON document may have up to 256 MiB; lines have no such limit. When
    the connection breaks, batches are sent again under the same idempotency key, so
    nothing is appended twice.

    \b
    Example:
      merklelog submit --url http://127.0.0.1:8080/logs/main \\
        --receipts receipts.ndjson events.ndjson cloudtrail.json
    """
    with ExitStack() as stack:
        sources = [_open(name, stack) for name in files]
        total = _check(sources)
        run = _Run(total, _create(receipts_path, stack), concurrency)
        try:
            asyncio.run(run.send(url, sources))
        except ServerProblem as error:
            run.report_unfinished(refused=error.code != "storage_failed")
            raise
        except ClientError:
            run.report_unfinished(refused=False)
            raise
    run.report(as_json=as_json)


class _Run:
    """What became of one run. Owned by the command."""

    def __init__(self, total: int, receipts: BinaryIO | None, concurrency: int) -> None:
        self._total = total
        self._concurrency = concurrency
        self._receipts = receipts
        self._done = 0
        self._duplicates = 0
        self._retried: str | None = None
        # Half-open ranges of indexes; neighbours are joined, so that a run that was
        # alone on the log has one.
        self._ranges: list[list[int]] = []

    async def send(self, url: str, sources: list["RecordFile"]) -> None:
        from merklelog.client.http import LogClient
        from merklelog.client.submit import PATIENCE, Submitter

        def records() -> Iterator[bytes]:
            for source in sources:
                yield from source

        async with LogClient(url) as client:
            submitter = Submitter(
                client,
                receipts=self._receipts is not None,
                concurrency=self._concurrency,
                patience=PATIENCE,
                on_retry=self._tell_retry,
            )
            with progress("submitting") as move:
                move(0, self._total)
                async for accepted in submitter.submit(records()):
                    self._take(accepted)
                    move(self._done, self._total)

    def _tell_retry(self, why: str) -> None:
        """Say why a batch is tried again; once, while it stays the same reason."""
        from merklelog.client.submit import PATIENCE

        if why != self._retried:
            click.echo(f"trying again for {PATIENCE:.0f} seconds: {why}", err=True)
        self._retried = why

    def _take(self, accepted: "Accepted") -> None:
        count = len(accepted.batch.entries)
        start, end = accepted.first_index, accepted.first_index + count
        if self._ranges and self._ranges[-1][1] == start:
            self._ranges[-1][1] = end
        else:
            self._ranges.append([start, end])
        self._done += count
        self._duplicates += count if accepted.duplicate else 0
        if self._receipts is not None:
            for receipt in accepted.receipts:
                line = json.dumps(receipt, separators=(",", ":"), ensure_ascii=False)
                self._receipts.write(line.encode("utf-8") + b"\n")
            self._receipts.flush()

    def report(self, *, as_json: bool) -> None:
        if as_json:
            print_json(
                {
                    "count": self._done,
                    "ranges": self._ranges,
                    "already_there": self._duplicates,
                }
            )
            return
        ranges = ", ".join(f"[{start}, {end})" for start, end in self._ranges)
        click.echo(f"{self._done} records are in the log: indexes {ranges or 'none'}")

    def report_unfinished(self, *, refused: bool) -> None:
        rest = "refused" if refused and self._concurrency == 1 else "perhaps there too"
        click.echo(
            f"{self._done} of {self._total} records are in the log; "
            f"the batch after them is {rest}",
            err=True,
        )


def _open(name: str, stack: ExitStack) -> "RecordFile":
    """Open a file, or a copy of standard input, which cannot be read twice."""
    from merklelog.client.records import RecordFile

    if name != "-":
        return RecordFile(stack.enter_context(Path(name).open("rb")), name)
    spool = stack.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(sys.stdin.buffer, spool)
    return RecordFile(spool, "standard input")


def _check(sources: list["RecordFile"]) -> int:
    """Return how many records there are; raise BadRecord for the first bad one."""
    with progress("checking") as move:
        total = 0
        for source in sources:
            for _ in source:
                total += 1
                if total % 10_000 == 0:
                    move(total, 0)
    return total


def _create(path: Path | None, stack: ExitStack) -> BinaryIO | None:
    """Create the receipts file. One that exists is not overwritten: it may be proof."""
    if path is None:
        return None
    try:
        return stack.enter_context(path.open("xb"))
    except FileExistsError:
        raise click.UsageError(f"{path} exists: name a new file for receipts") from None
