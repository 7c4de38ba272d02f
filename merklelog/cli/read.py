"""``merklelog get`` and ``merklelog tail``: entries, as they are and as they come."""

import asyncio
import sys

import click

from merklelog.cli.options import json_option, url_option
from merklelog.cli.output import print_json
from proofs.errors import MalformedError
from proofs.hashing import leaf_hash
from proofs.text import format_base64, parse_decimal


def parse_indexes(_ctx: click.Context, _param: click.Parameter, value: str) -> range:
    """Return the indexes that ``41`` or the half-open range ``41:50`` names."""
    first, colon, last = value.partition(":")
    try:
        start = parse_decimal(first)
        end = parse_decimal(last) if colon else start + 1
    except MalformedError:
        raise click.BadParameter(
            f"{value!r} is no index (41) and no range (41:50)"
        ) from None
    if end <= start:
        raise click.BadParameter(f"the range {value} is empty: its end is exclusive")
    return range(start, end)


@click.command()
@url_option()
@json_option
@click.argument("indexes", callback=parse_indexes, metavar="INDEX | START:END")
def get(*, url: str, as_json: bool, indexes: range) -> None:
    """Print entries of a log; not proven, for that see prove.

    One entry is printed as its exact bytes, a range (half-open) one entry a line.
    With --json: one object a line, the entry in base64.

    \b
    Example:
      merklelog get --url http://127.0.0.1:8080/logs/main 41
      merklelog get --url http://127.0.0.1:8080/logs/main 0:100 --json
    """
    asyncio.run(_get(url, indexes, as_json=as_json))


async def _get(url: str, indexes: range, *, as_json: bool) -> None:
    from merklelog.client.http import LogClient

    async with LogClient(url) as client:
        if len(indexes) == 1:
            entry = await client.entry(indexes.start)
            # Exact bytes where a program reads them, a whole line where a person does.
            _print_entry(
                indexes.start,
                entry,
                as_json=as_json,
                end=b"\n" if sys.stdout.isatty() else b"",
            )
            return
        index = indexes.start
        async for entry in client.entries(indexes.start, indexes.stop):
            _print_entry(index, entry, as_json=as_json, end=b"\n")
            index += 1


@click.command()
@url_option()
@click.option(
    "--from",
    "start",
    type=click.IntRange(0),
    metavar="INDEX",
    help="The first entry to print; without it, what comes from now on.",
)
@json_option
def tail(*, url: str, start: int | None, as_json: bool) -> None:
    """Print entries as they are sequenced, until interrupted.

    A lost connection is made again, and resumes where it broke. What is printed was
    checked against its leaf hash, not against a checkpoint: for that see prove.

    \b
    Example:
      merklelog tail --url http://127.0.0.1:8080/logs/main --from 0
    """
    asyncio.run(_tail(url, start, as_json=as_json))


async def _tail(url: str, start: int | None, *, as_json: bool) -> None:
    from merklelog.client.http import LogClient
    from merklelog.client.tail import tail as follow

    async with LogClient(url) as client:
        async for found in follow(client, start):
            _print_entry(found.index, found.entry, as_json=as_json, end=b"\n")


def _print_entry(index: int, entry: bytes, *, as_json: bool, end: bytes) -> None:
    if as_json:
        print_json(
            {
                "index": index,
                "leaf_hash": format_base64(leaf_hash(entry)),
                "entry": format_base64(entry),
            }
        )
        return
    click.echo(entry + end, nl=False)
