"""schemathesis against a real server: every answer is one that the description allows.

It generates requests from the description, valid and invalid ones, and checks status,
headers and body of each answer. `/tail` is left out: its answer does not end.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from apiserver import serving
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from merklelog.api.health import OPENAPI
from merklelog.tlog.log import Log

for media_type in ("application/x-ndjson", "application/cbor-seq"):
    schemathesis.serializer.alias(media_type, "application/octet-stream")

DESCRIPTION = json.loads(OPENAPI)
# Any other name is a log that does not exist, and would be all that is generated.
DESCRIPTION["components"]["parameters"]["log"]["schema"] = {"const": "main"}

SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION).exclude(path_regex="/tail$")

# Left out: rules that a description cannot state make some requests that fit it
# refusable (start behind end, both index and hash, a tile beyond the tree).
UNFIT = {"positive_data_acceptance"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server in a thread, with a few entries; return its URL."""
    started, stop = threading.Event(), asyncio.Event()
    found: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        path = tmp_path_factory.mktemp("contract") / "main"
        async with (
            Log.open(path, origin="example.com/audit") as log,
            serving(log) as api,
        ):
            await api.submit_published(b"\n".join(b"entry %d" % i for i in range(300)))
            found.append(api.url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    yield found[0]
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Return one HTTP session for all requests."""
    with requests.Session() as session:
        yield session


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_answers_conform(
    case: schemathesis.Case[Any], url: str, session: requests.Session
) -> None:
    """No answer is a server error, and each is described."""
    excluded: list[Any] = [c for c in CHECKS.get_all() if c.__name__ in UNFIT]
    case.call_and_validate(base_url=url, session=session, excluded_checks=excluded)
