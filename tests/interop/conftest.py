"""A log that a server holds, for readers that share no code with it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from interop.stranger import Site
from serverprocess import ServerProcess, run_cli

ORIGIN = "example.com/interop"


class Served(NamedTuple):
    """A server with one log, and a connection to it."""

    folder: Path
    url: str
    vkey: str
    site: Site


Serve = Callable[[Path], Served]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Serve a folder, which gets a log if it has none, until the module's end."""
    with ExitStack() as stack:

        def start(folder: Path) -> Served:
            if not folder.exists():
                created = run_cli(
                    *("init", "--data", folder, "--origin", ORIGIN),
                    *("--kind", "opaque"),
                )
                assert created.returncode == 0, created.stderr
            vkey = run_cli("keys", "show", "--data", folder).stdout.strip()
            server = stack.enter_context(ServerProcess(folder))
            site = Site(server.log_url)
            stack.callback(site.close)
            return Served(folder, server.log_url, vkey, site)

        yield start
