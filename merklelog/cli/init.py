"""``merklelog init``: a new log, its keys, and what to run next."""

import asyncio
import shlex
from pathlib import Path

import click

from merklelog.cli.folders import LOG_FILE
from merklelog.cli.options import check_log_name, data_option, json_option
from merklelog.cli.output import print_json


@click.command()
@data_option()
@click.option(
    "--origin",
    required=True,
    help="The log's name in its checkpoints, such as example.com/audit: a domain of "
    "yours and a path. It can never be changed.",
)
@click.option(
    "--log",
    "name",
    default="main",
    show_default=True,
    callback=check_log_name,
    help="The log's name in URLs, and the name of its folder.",
)
@click.option(
    "--kind",
    type=click.Choice(["opaque", "audit"]),
    required=True,
    help="opaque: entries are your bytes. audit is not available yet.",
)
@json_option
def init(*, data: Path, origin: str, name: str, kind: str, as_json: bool) -> None:
    """Create a log with its keys in DIR/NAME.

    The private keys stay in DIR/NAME/keys, readable by you alone. The vkey that is
    printed is public: whoever verifies receipts needs it, from you.

    \b
    Example:
      merklelog init --data logs --origin example.com/audit --kind opaque
    """
    from merklelog.tlog.folder import LogFolder
    from merklelog.tlog.keyfiles import load_vkeys

    if kind != "opaque":
        raise click.UsageError("--kind audit is not available yet, only opaque")
    if (data / LOG_FILE).exists():
        raise click.UsageError(f"{data} is the folder of one log: name the one above")
    folder = asyncio.run(LogFolder.create(data / name, origin=origin, kind="opaque"))
    vkeys = [key.vkey for key in load_vkeys(folder.path)]
    serve = f"merklelog serve --data {shlex.quote(str(data))}"
    if as_json:
        facts = {"log": name, "origin": origin, "kind": kind}
        folder_path = str(folder.path)
        print_json({**facts, "folder": folder_path, "vkeys": vkeys, "next": serve})
        return
    click.echo(f"Created log {name} of origin {origin} in {data / name}")
    click.echo(f"Its vkey, for everybody who verifies receipts:\n  {vkeys[0]}")
    click.echo(f"Next:\n  {serve}")
    click.echo(f"  merklelog submit --url http://127.0.0.1:8080/logs/{name} FILE")
