"""Data folders: ``DIR/NAME/`` is a log, ``DIR/admin.sock`` the server that holds it."""

import socket
from pathlib import Path
from typing import NamedTuple

import click

LOG_FILE = "log.toml"
ADMIN_SOCKET = "admin.sock"


class NoLog(click.ClickException):
    """There is no such log in the data folder."""


class LogFolder(NamedTuple):
    """Where one log is."""

    name: str
    path: Path


def list_folders(data: Path) -> list[LogFolder]:
    """Return the logs of *data*, which is a folder of logs or that of one log.

    Raises:
        NoLog: there is none.
    """
    if not data.is_dir():
        raise NoLog(f"{data}: there is no such folder")
    if (data / LOG_FILE).is_file():
        return [LogFolder(data.resolve().name, data)]
    found = [
        LogFolder(file.parent.name, file.parent) for file in data.glob(f"*/{LOG_FILE}")
    ]
    if not found:
        raise NoLog(
            f"{data}: there is no log here: merklelog init --data {data} creates one"
        )
    return sorted(found)


def find_folder(data: Path, name: str | None) -> LogFolder:
    """Return the log called *name*, or the only one where no name is given.

    Raises:
        NoLog: there is no such log.
        click.UsageError: there are several to choose from.
    """
    folders = list_folders(data)
    names = ", ".join(folder.name for folder in folders)
    if name is None:
        if len(folders) > 1:
            raise click.UsageError(
                f"{data} holds several logs ({names}): name one, --log"
            )
        return folders[0]
    for folder in folders:
        if folder.name == name:
            return folder
    raise NoLog(f"{data} holds no log {name!r}, only {names}")


def admin_socket(folder: LogFolder) -> Path | None:
    """Return the socket of the server that holds *folder* now, None when none does.

    A server that was killed leaves its socket behind, so only an answer counts.
    """
    for path in (folder.path / ADMIN_SOCKET, folder.path.parent / ADMIN_SOCKET):
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                continue
            else:
                return path
    return None
