"""``merklelog fsck``: a whole log derived again, from its store or as others see it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from merklelog.cli.findings import parse_vkeys
from merklelog.cli.folders import LogFolder, NoLog, admin_socket, find_folder
from merklelog.cli.options import (
    check_log_url,
    data_option,
    json_option,
    log_option,
    vkey_option,
)
from merklelog.cli.output import Progress, print_json, progress
from merklelog.client.errors import BadAnswer, Unreachable
from merklelog.errors import ConfigError, MissingLevelDB, StorageError, StoreHeld
from proofs.errors import MalformedError, VerificationError
from proofs.text import format_base64
from proofs.verdict import Verdict

if TYPE_CHECKING:
    from merklelog.tlog.fsck import Report
    from proofs.keys import PublicKey

# What a clean log shows, and all that it shows.
_CLEAN = (
    "every entry, tile and root matches the checkpoint that the log signed; nothing "
    "from outside the log was checked: its operator could show others another history"
)

# Of a checkpoint, as they are printed.
_FACTS = ("origin", "size", "root_hash")


class Result(NamedTuple):
    """What a check found, wherever it ran."""

    verdict: Verdict
    reason: str
    checkpoint: dict[str, object]
    """origin, size and root_hash of the checkpoint; empty where there is none."""
    faults: list[dict[str, object]]
    """start, end (exclusive) and what is wrong with those entries."""


@click.command()
@data_option(required=False)
@log_option
@click.option("--url", callback=check_log_url, metavar="URL", help="A log elsewhere.")
@vkey_option(required=True)
@json_option
def fsck(
    *,
    data: Path | None,
    log_name: str | None,
    url: str | None,
    vkeys: tuple[str, ...],
    as_json: bool,
) -> int:
    """Derive every leaf, tile and root of a log again, and name what does not match.

    With --data from the store, beside a server that holds it as well as without one;
    with --url through the public tiles, as any stranger could.

    Exit codes: 0 everything matches, 40 something does not (every bad index is
    named), 41 the log cannot be read.

    \b
    Example:
      merklelog fsck --data logs --log main --vkey "$(merklelog keys show --data logs)"
      merklelog fsck --url http://127.0.0.1:8080/logs/main --vkey VKEY
    """
    if (data is None) == (url is None):
        raise click.UsageError("give --data DIR or --url URL")
    verifiers = parse_vkeys(vkeys)
    with progress("checking entries") as move:
        result = asyncio.run(_check(data, log_name, url, verifiers, move))
    if as_json:
        print_json(
            {
                "verdict": result.verdict.value,
                "exit_code": result.verdict.exit_code,
                "reason": result.reason,
                **result.checkpoint,
                "faults": result.faults,
            }
        )
    else:
        _print(result)
    return result.verdict.exit_code


async def _check(
    data: Path | None,
    log_name: str | None,
    url: str | None,
    verifiers: "list[PublicKey]",
    move: Progress,
) -> Result:
    """Check the log; a log that cannot be read is a finding too, and not "fine"."""
    from merklelog.tlog.fsck import Absent

    try:
        if url is not None:
            return await _check_url(url, verifiers, move)
        return await _check_data(find_folder(data or Path(), log_name), verifiers, move)
    except VerificationError as error:
        return Result(Verdict.INVALID, f"the checkpoint: {error}", {}, [])
    except (StoreHeld, MissingLevelDB):
        # Nothing was found out about the log.
        raise
    except (
        Absent,
        MalformedError,
        StorageError,
        ConfigError,
        NoLog,
        Unreachable,
    ) as error:
        return Result(Verdict.UNREADABLE, str(error), {}, [])


async def _check_url(url: str, verifiers: "list[PublicKey]", move: Progress) -> Result:
    from merklelog.cli.httpsource import HttpSource
    from merklelog.client.http import LogClient
    from merklelog.tlog.fsck import fsck as check

    async with LogClient(url) as client:
        report = await check(HttpSource(client), verifiers, progress=move)
    return _result(report)


async def _check_data(
    folder: LogFolder, verifiers: "list[PublicKey]", move: Progress
) -> Result:
    """Check a store: inside the server that holds it, or in this process."""
    from merklelog.client.admin import AdminClient
    from merklelog.tlog import folder as tlog_folder
    from merklelog.tlog.fsck import fsck as check
    from merklelog.tlog.storesource import StoreSource

    if socket := admin_socket(folder):
        lines = AdminClient(socket).fsck(
            folder.name, vkeys=[key.vkey for key in verifiers]
        )
        return await _result_of_lines(lines, move)
    log = tlog_folder.LogFolder.open(folder.path)
    store = await log.open_store()
    try:
        source = StoreSource(store, log.config.origin)
        report = await check(source, verifiers, progress=move)
    finally:
        await store.close()
    return _result(report)


async def _result_of_lines(
    lines: AsyncIterator[dict[str, object]], move: Progress
) -> Result:
    """Follow the progress that a server reports, and return its result."""
    async for line in lines:
        match line:
            case {"done": int(done), "total": int(total)}:
                move(done, total)
            case {"report": {"faults": list(faults), **facts}}:
                return _judge({name: facts[name] for name in _FACTS}, faults)
            case {"invalid": str(reason)}:
                return Result(Verdict.INVALID, reason, {}, [])
            case {"unreadable": str(reason)}:
                return Result(Verdict.UNREADABLE, reason, {}, [])
            case _:  # Progress from before there was any.
                pass
    raise BadAnswer("the server ended the check without a report: see its log")


def _result(report: "Report") -> Result:
    checkpoint = report.checkpoint
    return _judge(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root_hash": format_base64(checkpoint.root_hash),
        },
        [
            {"start": fault.start, "end": fault.end, "what": fault.what}
            for fault in report.faults
        ],
    )


def _judge(checkpoint: dict[str, object], faults: list[dict[str, object]]) -> Result:
    if faults:
        reason = f"{len(faults)} faults; the first at index {faults[0]['start']}"
        return Result(Verdict.INVALID, reason, checkpoint, faults)
    return Result(Verdict.SELF_CONSISTENT, _CLEAN, checkpoint, [])


def _print(result: Result) -> None:
    click.echo(f"{result.verdict}: {result.reason}")
    for name, value in result.checkpoint.items():
        click.echo(f"  {name} {value}")
    for fault in result.faults:
        first, last = fault["start"], int(str(fault["end"])) - 1
        where = f"index {first}" if first == last else f"indexes {first} to {last}"
        click.echo(f"  {where}: {fault['what']}")
