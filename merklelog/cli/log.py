"""``merklelog log``: the logs of a data folder, their figures, copies and ends.

Each command works through the server that holds the log, where there is one, and on
the store itself otherwise.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from merklelog.cli.folders import LogFolder, admin_socket, find_folder, list_folders
from merklelog.cli.options import check_log_name, data_option, json_option, log_option
from merklelog.cli.output import (
    Progress,
    print_facts,
    print_json,
    print_table,
    progress,
)


@click.group()
def log() -> None:
    """List, measure, back up, restore, freeze and succeed logs.

    \b
    Example:
      merklelog log list --data logs
      merklelog log backup --data logs --to /mnt/backups/main-2026-11-21
    """


@log.command("list")
@data_option()
@json_option
def list_(*, data: Path, as_json: bool) -> None:
    """List the logs of a data folder.

    \b
    Example:
      merklelog log list --data logs
    """
    from merklelog.tlog.folder import LogFolder as TlogFolder

    rows = []
    for folder in list_folders(data):
        config = TlogFolder.open(folder.path).config
        served = "yes" if admin_socket(folder) else "no"
        rows.append((folder.name, config.origin, config.kind, served, str(folder.path)))
    columns = ("log", "origin", "kind", "served", "folder")
    if as_json:
        print_json({"logs": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        print_table(columns, rows)


@log.command()
@data_option()
@log_option
@json_option
def stats(*, data: Path, log_name: str | None, as_json: bool) -> None:
    """Print the size, state and disk use of a log.

    \b
    Example:
      merklelog log stats --data logs --log main
    """
    facts = asyncio.run(_stats(find_folder(data, log_name)))
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


async def _stats(folder: LogFolder) -> Mapping[str, object]:
    from merklelog.client.admin import AdminClient
    from merklelog.tlog import Log
    from merklelog.tlog.status import stats as stats_of

    if socket := admin_socket(folder):
        return await AdminClient(socket).stats(folder.name)
    async with Log.open(folder.path) as opened:
        return await stats_of(opened)


@log.command()
@data_option()
@log_option
@click.option(
    "--to",
    type=click.Path(path_type=Path, resolve_path=True),
    required=True,
    metavar="DIR",
    help="A folder that does not exist yet.",
)
@json_option
def backup(*, data: Path, log_name: str | None, to: Path, as_json: bool) -> None:
    """Copy a snapshot of a log, which goes on working, to a new folder.

    Private keys are not in a backup: keep a copy of DIR/NAME/keys elsewhere.

    \b
    Example:
      merklelog log backup --data logs --log main --to /mnt/backups/main-2026-11-21
    """
    folder = find_folder(data, log_name)
    with progress("copying keys") as move:
        asyncio.run(_backup(folder, to, move))
    if as_json:
        print_json({"log": folder.name, "to": str(to)})
    else:
        click.echo(f"{to} is a backup of {folder.name}, without its private keys")


async def _backup(folder: LogFolder, to: Path, move: Progress) -> None:
    from merklelog.client.admin import AdminClient
    from merklelog.tlog import Log
    from merklelog.tlog.backup import backup as back_up

    if socket := admin_socket(folder):
        async for line in AdminClient(socket).backup(folder.name, to=to):
            if isinstance(done := line.get("done"), int):
                move(done, 0)
        return
    async with Log.open(folder.path) as opened:
        await back_up(opened, to, progress=lambda done: move(done, 0))


@log.command()
@click.argument(
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="BACKUP",
)
@data_option()
@click.option(
    "--log",
    "name",
    default="main",
    show_default=True,
    callback=check_log_name,
    help="The log's name.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder of its private keys, where DIR/NAME/keys is lost too.",
)
@json_option
def restore(
    *, source: Path, data: Path, name: str, keys: Path | None, as_json: bool
) -> None:
    """Make a log out of a backup.

    It opens read-only unless it holds the newest checkpoint that DIR/NAME/guard
    knows: appending to an older state would sign a second history. A read-only log
    is continued by another one: merklelog log succeed.

    \b
    Example:
      merklelog log restore /mnt/backups/main-2026-11-21 --data logs --log main
    """
    from merklelog.tlog.backup import restore as restore_from

    frozen = asyncio.run(restore_from(source, data / name, keys=keys))
    if as_json:
        print_json({"log": name, "read_only": frozen})
    elif frozen is None:
        click.echo(f"{name} is restored, and takes entries")
    else:
        click.echo(f"{name} is restored, and read-only: {frozen}")
        click.echo(
            f"To go on: merklelog log succeed --data {data} --log {name} "
            f"--origin NEW-ORIGIN --successor NEW-NAME"
        )


@log.command()
@data_option()
@log_option
@click.option("--reason", required=True, help="Kept with the log, and shown.")
@json_option
def freeze(*, data: Path, log_name: str | None, reason: str, as_json: bool) -> None:
    """Make a log read-only for good; what it holds stays served and proven.

    \b
    Example:
      merklelog log freeze --data logs --log main --reason "moved to audit-2"
    """
    folder = find_folder(data, log_name)
    kept = asyncio.run(_freeze(folder, reason))
    if as_json:
        print_json({"log": folder.name, "read_only": kept})
    elif kept == reason:
        click.echo(f"{folder.name} is read-only: {kept}")
    else:
        click.echo(f"{folder.name} was read-only before, and stays so: {kept}")


async def _freeze(folder: LogFolder, reason: str) -> object:
    """Freeze a log; return the reason that is kept with it, which is the first."""
    from merklelog.client.admin import AdminClient
    from merklelog.tlog import Log

    if socket := admin_socket(folder):
        await AdminClient(socket).freeze(folder.name, reason=reason)
        return (await AdminClient(socket).stats(folder.name))["read_only"]
    async with Log.open(folder.path) as opened:
        await opened.freeze(reason)
        return opened.read_only


@log.command()
@data_option()
@log_option
@click.option("--origin", required=True, help="The successor's origin: a new one.")
@click.option(
    "--successor",
    required=True,
    callback=check_log_name,
    metavar="NAME",
    help="The successor's name.",
)
@json_option
def succeed(
    *, data: Path, log_name: str | None, origin: str, successor: str, as_json: bool
) -> None:
    """Freeze a log, and start another whose entry 0 names its last checkpoint.

    The server that holds the log has to be stopped first.

    \b
    Example:
      merklelog log succeed --data logs --log main \\
        --origin example.com/audit-2 --successor main-2
    """
    from merklelog.tlog.backup import succeed as start_successor
    from merklelog.tlog.keyfiles import load_vkeys

    folder = find_folder(data, log_name)
    if admin_socket(folder):
        raise click.ClickException(
            "a server holds this log: stop it, run this again, then start it"
        )
    path = folder.path.parent / successor
    entry = asyncio.run(start_successor(folder.path, path, origin=origin))
    vkeys = [key.vkey for key in load_vkeys(path)]
    if as_json:
        print_json(
            {
                "log": successor,
                "origin": origin,
                "vkeys": vkeys,
                "entry": entry.decode("utf-8"),
            }
        )
        return
    click.echo(f"{folder.name} is read-only; {successor} goes on from it")
    click.echo(f"Its vkey, for everybody who verifies receipts:\n  {vkeys[0]}")
