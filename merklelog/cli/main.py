"""The command ``merklelog``: its table of commands, and how any of them fails.

A command's file is imported when that command is named, and what the command needs
(HTTP, LevelDB, cryptography) when it runs: ``--help`` answers at once, and ``verify``
works where no server could.

Exit codes: 0, the codes of the verdicts (10 to 41), 2 for usage, 1 for any other
failure.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

import click

from merklelog.client.errors import ClientError
from merklelog.errors import MerklelogError
from proofs.errors import ProofsError

USAGE_EXIT = 2
FAILURE_EXIT = 1
# What a shell reports of a program ended by SIGINT.
INTERRUPTED_EXIT = 130

# Command -> the file of this folder that has it, under its own name.
COMMANDS = {
    "init": "init",
    "serve": "serve",
    "submit": "submit",
    "get": "read",
    "prove": "prove",
    "tail": "read",
    "verify": "verify",
    "fsck": "fsck",
    "log": "log",
    "keys": "keys",
    "demo": "demo",
    "bench": "bench",
    "doctor": "doctor",
}


class LazyGroup(click.Group):
    """A group that imports a command's file when the command is asked for."""

    def __init__(self, *, files: Mapping[str, str], **attributes: object) -> None:
        """Offer the commands of *files*, in that order."""
        super().__init__(**attributes)  # type: ignore[arg-type]  # click's own, by name
        self._files = files

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names in the order of use rather than of the alphabet."""
        return list(self._files)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """Import the file of *cmd_name*; None when there is no such command."""
        if cmd_name not in self._files:
            return None
        module = import_module(f"merklelog.cli.{self._files[cmd_name]}")
        command = getattr(module, cmd_name)
        if isinstance(command, click.Command):
            return command
        raise AssertionError(f"bad table in COMMANDS: {cmd_name} is not a command")


@click.group(cls=LazyGroup, files=COMMANDS, no_args_is_help=False)
@click.version_option(package_name="merklelog")
def cli() -> None:
    """The audit log you can prove.

    Every answer of a log comes with its proof, and every proof is checked without
    the log's help.

    \b
    Example:
      merklelog init --data logs --origin example.com/audit --kind opaque
      merklelog serve --data logs
      merklelog submit --url http://127.0.0.1:8080/logs/main events.ndjson
    """


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code. Errors become one line on stderr."""
    try:
        result = cli.main(list(arguments), prog_name="merklelog", standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "merklelog"
        _complain(f"{error.format_message()} (see {where} --help)")
        return USAGE_EXIT
    except click.ClickException as error:
        _complain(error.format_message())
    except click.Abort:
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        # The reader of our output has gone. Python would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (MerklelogError, ClientError, ProofsError) as error:
        _complain(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}")
    else:
        return result if isinstance(result, int) else 0
    return FAILURE_EXIT


def _complain(message: str) -> None:
    """Print *message* as one line on stderr."""
    click.echo("merklelog: " + "; ".join(message.splitlines()), err=True)


if __name__ == "__main__":
    main()
