"""``merklelog keys``: the public halves of a log's keys, and keys made in advance."""

from pathlib import Path

import click

from merklelog.cli.folders import find_folder
from merklelog.cli.options import data_option, json_option, log_option
from merklelog.cli.output import print_json


@click.group()
def keys() -> None:
    """Show a log's verifier keys, or make keys in advance.

    \b
    Example:
      merklelog keys show --data logs
    """


@keys.command()
@data_option()
@log_option
@json_option
def show(*, data: Path, log_name: str | None, as_json: bool) -> None:
    """Print the vkey that verifies a log, alone on a line.

    Reads the file of public keys only, so it works while a server runs, and where
    the private keys cannot be read. With --json: every public key of the log, among
    them the one of its RFC 6962 tree heads.

    \b
    Example:
      merklelog keys show --data logs --log main
      merklelog verify receipt.json --vkey "$(merklelog keys show --data logs)"
    """
    from merklelog.tlog.keyfiles import load_vkeys

    folder = find_folder(data, log_name)
    vkeys = [key.vkey for key in load_vkeys(folder.path)]
    if as_json:
        print_json({"log": folder.name, "vkeys": vkeys})
    else:
        click.echo(vkeys[0])


@keys.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The keys go to DIR/keys, which must not have any.",
)
@click.option("--origin", required=True, help="The log that they are to sign for.")
@json_option
def generate(*, out: Path, origin: str, as_json: bool) -> None:
    """Make the keys of a log before the log, for instance to announce its vkey.

    The private halves are written to files that only their owner can read; they are
    never printed. merklelog init makes keys itself, where there are none.

    \b
    Example:
      merklelog keys generate --out logs/main --origin example.com/audit
    """
    from merklelog.tlog.keys import LogKeys

    out.mkdir(parents=True, exist_ok=True)
    vkeys = LogKeys.generate(out, origin).vkeys
    if as_json:
        print_json({"folder": str(out / "keys"), "vkeys": vkeys})
    else:
        click.echo(vkeys[0])
