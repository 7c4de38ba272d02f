"""The command line as such: help, usage, what is imported, what is kept secret."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from cli.commands import Cli, Served, start

from merklelog.cli.main import COMMANDS, run
from merklelog.cli.main import cli as root


def all_commands() -> Iterator[tuple[list[str], click.Command]]:
    """Yield every command and subcommand with its path."""
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        yield [name], command
        if isinstance(command, click.Group):
            for subname, subcommand in command.commands.items():
                yield [name, subname], subcommand


PATHS = [path for path, _ in all_commands()]
LEAVES = [path for path, one in all_commands() if not isinstance(one, click.Group)]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_has_an_example(cli: Cli, path: list[str]) -> None:
    """--help of each command shows how it is used, and exits with 0."""
    done = cli(*path, "--help")

    assert done.code == 0
    assert re.search(rf"Example:\s+merklelog {' '.join(path[:1])}", done.out)


@pytest.mark.parametrize(
    "path",
    [p for p, c in all_commands() if not isinstance(c, click.Group)],
    ids=" ".join,
)
def test_each_command_has_json(cli: Cli, path: list[str]) -> None:
    """Every command that prints a result can print it for programs."""
    assert "--json" in cli(*path, "--help").out


def test_no_option_takes_a_secret() -> None:
    """Secrets do not belong into argv, where every user of the machine reads them."""
    names = {
        name
        for _, command in all_commands()
        for parameter in command.params
        for name in parameter.opts
    }

    assert not [n for n in names if re.search("pass|secret|token|skey|private", n)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["init"],
        ["init", "--data", "x", "--origin", "o", "--kind", "audit"],
        ["init", "--data", "x", "--origin", "o", "--kind", "opaque", "--log", "A"],
        ["get", "--url", "ftp://x/logs/main", "1"],
        ["get", "--url", "http://user:pw@127.0.0.1/logs/main", "1"],
        ["get", "--url", "http://[/logs/main", "1"],
        ["get", "--url", "http://127.0.0.1/logs/main", "-1"],
        ["get", "--url", "http://127.0.0.1/logs/main", "1_0"],
        ["get", "--url", "http://127.0.0.1/logs/main", "5:5"],
        ["fsck", "--vkey", "x"],
        ["verify", "receipt.json"],
        ["verify", "receipt.json", "--vkey", "nonsense"],
        ["verify", "receipt.json", "--vkey", "x", "--policy", "p"],
        ["verify", "receipt.json", "--vkey", "x", "--consistency", "c"],
        ["bench", "--url", "http://127.0.0.1/logs/main"],
        ["serve", "--data", "x", "--policy", "p"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_2(cli: Cli, arguments: list[str]) -> None:
    """A wrong command line is one line on stderr, and exit code 2."""
    done = cli(*arguments)

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("merklelog: ")
    assert done.err.count("\n") == 1


def test_other_failures_are_1(cli: Cli, tmp_path: Path, served: Served) -> None:
    """What is no usage error and no verdict is one line, and exit code 1."""
    failing: list[tuple[object, ...]] = [
        ("get", "--url", "http://127.0.0.1:1/logs/main", "1"),
        ("get", "--url", served.url + "x", "1"),
        ("get", "--url", served.url, "999999"),
        ("submit", "--url", served.url, tmp_path / "absent"),
        ("keys", "show", "--data", tmp_path),
        ("serve", "--data", tmp_path),
        ("serve", "--data", served.data),
        ("init", "--data", served.data, "--origin", "x/y", "--kind", "opaque"),
    ]
    for arguments in failing:
        done = cli(*arguments)

        assert (done.code, done.out) == (1, ""), arguments
        assert re.fullmatch(r"merklelog: [^\n]+\n", done.err), done.err


def test_a_port_in_use_is_named(cli: Cli, data: Path, served: Served) -> None:
    """One line, with what to do about it."""
    port = urlsplit(served.url).port

    done = cli("serve", "--data", data, "--listen", f"127.0.0.1:{port}")

    assert done.code == 1
    assert done.err == (
        f"merklelog: cannot listen on 127.0.0.1, port {port}: Address already in use: "
        "name another address with --listen\n"
    )


def test_commands_are_imported_lazily() -> None:
    """The command line as such imports nothing heavy."""
    program = (
        "import sys, merklelog.cli.main as main; main.run(['--help']); "
        "print(*[m for m in ('aiohttp', 'plyvel', 'pydantic', 'rich')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert done.stdout.splitlines()[-1] == ""


def test_a_closed_pipe_is_no_error_message(served: Served) -> None:
    """`merklelog get ... | head` ends quietly."""
    pipe = subprocess.PIPE
    with start("get", "--url", served.url, "0:300", stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read()

    assert error == b""


def test_version() -> None:
    """--version exits with 0."""
    assert run(["--version"]) == 0
