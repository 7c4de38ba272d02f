"""A real server with a log, and commands run in this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import Cli, Done, Served, call, serving

from merklelog.cli.main import run


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run one command line, as far as possible like a process of its own."""

    def command(*arguments: object) -> Done:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return command


@pytest.fixture
def data(cli: Cli, tmp_path: Path) -> Path:
    """A data folder with one log, main, that nobody serves."""
    done = cli(
        *("init", "--data", tmp_path / "own", "--origin", "example.com/own"),
        *("--kind", "opaque"),
    )
    assert done.code == 0
    return tmp_path / "own"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served log with 300 entries; entry i is {"n": i}."""
    data = tmp_path_factory.mktemp("served")
    origin = ("--origin", "example.com/served", "--kind", "opaque")
    created = call("init", "--data", data, *origin, "--json")
    records = data / "records.ndjson"
    records.write_text("".join(f'{{"n": {i}}}\n' for i in range(300)))
    with serving(data) as url:
        call("submit", "--url", url, records)
        yield Served(url, json.loads(created)["vkeys"][0], data)
