"""Whatever a user can set, call, read or be told is documented.

Documented means: named in a heading or in the first column of a table of the page
that is for it.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from docs.pages import DOCS, README, blocks
from pydantic import BaseModel

from merklelog.api.admin import make_admin_app
from merklelog.api.app import make_app
from merklelog.api.health import OPENAPI
from merklelog.cli.main import COMMANDS
from merklelog.cli.main import cli as root
from merklelog.config import LogConfig, ServerConfig
from merklelog.errors import MerklelogError
from merklelog.metrics import Metrics
from merklelog.storage import keyspace
from proofs.verdict import Verdict

_CODE = re.compile(r"`([^`]+)`")


def documented(page: Path) -> set[str]:
    """Return what *page* has in headings and in first columns, in code type."""
    entries: set[str] = set()
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("#"):
            entries.update(_CODE.findall(line))
        elif line.startswith("|"):
            entries.update(_CODE.findall(line.split("|")[1]))
    return entries


def test_every_option_has_a_row() -> None:
    """config.md has every option of merklelog.toml and of log.toml."""
    options = {*_options(ServerConfig), *_options(LogConfig)}

    assert options - documented(DOCS / "config.md") == set()


def test_shown_defaults_are_the_defaults() -> None:
    """The second column of a table of options is the default, as TOML spells it."""
    rows = dict(
        re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)`", _text("config.md"), re.MULTILINE)
    )
    defaults = {
        name: field.default
        for name, field in ServerConfig.model_fields.items()
        if name in rows
    }

    assert len(defaults) == len(ServerConfig.model_fields)
    assert {name: json.loads(rows[name]) for name in defaults} == defaults


async def test_every_route_has_a_row() -> None:
    """api.md has every route of the server and of its admin socket."""
    app = make_app({}, ServerConfig(), Metrics())
    routes = {
        f"{route.method} {route.resource.canonical}"
        for application in (app, make_admin_app({}))
        for route in application.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }

    assert routes - documented(DOCS / "api.md") == set()


def test_every_described_route_has_a_row() -> None:
    """api.md has every operation of the OpenAPI description, and every parameter."""
    operations = {
        f"{method.upper()} {path}"
        for path, methods in json.loads(OPENAPI)["paths"].items()
        for method in methods
        if method != "parameters"
    }

    assert operations - documented(DOCS / "api.md") == set()


def test_every_error_code_has_a_row() -> None:
    """api.md has every code that a problem document can carry."""
    codes = {error.code for error in _errors(MerklelogError)}

    assert codes - documented(DOCS / "api.md") == set()


def test_every_command_has_a_heading() -> None:
    """cli.md has every command with every option that it takes."""
    sections = {
        section.partition("`\n")[0]: section
        for section in _text("cli.md").split("\n### `merklelog ")
    }
    for name, command in _commands():
        options = {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
            if option != "--json"
        }

        assert [o for o in options if o not in sections.get(name, "")] == [], name


def test_every_key_of_a_store_has_a_row() -> None:
    """storage-format.md has the table of keys that keyspace.py has."""
    table = (keyspace.__doc__ or "").split("\n======")[2]
    keys = {line[:15].replace("``", "`").strip() for line in table.splitlines()[1:]}
    rows = {line.split("|")[1].strip() for line in _rows("storage-format.md")}

    assert keys - {""} - rows == set()


def test_every_metric_has_a_row() -> None:
    """operate.md has every metric that /metrics exposes, and no other."""
    metrics = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }
    rows = {
        row for row in documented(DOCS / "operate.md") if row.startswith("merklelog_")
    }

    assert rows == metrics


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_row(verdict: Verdict) -> None:
    """cli.md has every verdict with its exit code."""
    assert re.search(
        rf"^\| `{verdict}` \|.*\| {verdict.exit_code}", _text("cli.md"), re.MULTILINE
    )


def test_config_examples_are_valid() -> None:
    """Every merklelog.toml and log.toml that a page shows can be read."""
    shown = 0
    for page in (README, *DOCS.rglob("*.md")):
        for block in blocks(page):
            if block.language == "toml":
                options = tomllib.loads(block.text)
                kind = LogConfig if "origin" in options else ServerConfig
                kind.model_validate(options)
                shown += 1

    assert shown >= 2


def _text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def _rows(page: str) -> list[str]:
    return [line for line in _text(page).splitlines() if line.startswith("|")]


def _options(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _options(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _errors(kind: type[MerklelogError]) -> Iterator[type[MerklelogError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _errors(child)


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        if isinstance(command, click.Group):
            for subname, subcommand in command.commands.items():
                yield f"{name} {subname}", subcommand
        elif command is not None:
            yield name, command
