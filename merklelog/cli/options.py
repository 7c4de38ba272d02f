"""Options and argument types that several commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

Command = TypeVar("Command", bound=Callable[..., Any])

# interfaces.md, "HTTP": the short name of a log, which is also its folder's.
LOG_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def check_log_name(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | None:
    """Refuse a name that could not stand in a URL, or would be another folder."""
    if value is not None and not LOG_NAME.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} is not a log's name: 1 to 63 of a-z 0-9 -, no - at first"
        )
    return value


def check_log_url(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | None:
    """Refuse other schemes, and passwords: others can read argv and logs."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        raise click.BadParameter("not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise click.BadParameter("a URL must not carry a user name or password")
    if not usable or parts.query or parts.fragment:
        raise click.BadParameter(
            f"{value!r} is not a URL such as http://127.0.0.1:8080/logs/main"
        )
    return value


def json_option(command: Command) -> Command:
    """Add ``--json``, as the parameter *as_json*."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return option(command)


def url_option(*, required: bool = True) -> Callable[[Command], Command]:
    """Add ``--url``."""
    return click.option(
        "--url",
        callback=check_log_url,
        required=required,
        metavar="URL",
        help="The log, such as http://127.0.0.1:8080/logs/main.",
    )


def data_option(*, required: bool = True) -> Callable[[Command], Command]:
    """Add ``--data``."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        required=required,
        metavar="DIR",
        help="The folder that holds the logs, or the folder of one log.",
    )


def log_option(command: Command) -> Command:
    """Add ``--log``, as the parameter *log_name*."""
    option = click.option(
        "--log",
        "log_name",
        callback=check_log_name,
        metavar="NAME",
        help="The log's name; not needed where the folder holds one log.",
    )
    return option(command)


def vkey_option(*, required: bool = False) -> Callable[[Command], Command]:
    """Add ``--vkey``, which may repeat, as the parameter *vkeys*."""
    return click.option(
        "--vkey",
        "vkeys",
        multiple=True,
        required=required,
        metavar="VKEY",
        help="A verifier key of the log (merklelog keys show); may repeat.",
    )
