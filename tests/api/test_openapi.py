"""The description of the API agrees with its routes and its errors."""

import json
import re
from collections.abc import Iterator

from aiohttp import web
from apiserver import Api

from merklelog.api.app import make_app
from merklelog.api.health import OPENAPI
from merklelog.api.problems import STATUS, status_of
from merklelog.config import ServerConfig
from merklelog.errors import MerklelogError, RequestError
from merklelog.metrics import Metrics

DESCRIPTION = json.loads(OPENAPI)


def operations(app: web.Application) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, but HEAD, which goes with GET."""
    for route in app.router.routes():
        if route.method != "HEAD" and route.resource is not None:
            yield route.method, route.resource.canonical


async def test_every_route_is_described_and_nothing_else() -> None:
    """Routes and description are the same set."""
    described = {
        (method.upper(), path)
        for path, item in DESCRIPTION["paths"].items()
        for method in item
    }
    assert set(operations(make_app({}, ServerConfig(), Metrics()))) == described


def test_every_reference_resolves() -> None:
    """No description of what is not there."""
    for reference in re.findall(r'"\$ref":\s*"#/([^"]+)"', OPENAPI.decode()):
        found = DESCRIPTION
        for part in reference.split("/"):
            found = found[part]


def test_every_component_is_used() -> None:
    """No description of what nothing answers."""
    text = OPENAPI.decode()
    for kind, components in DESCRIPTION["components"].items():
        for name in components:
            assert f'"#/components/{kind}/{name}"' in text


def test_every_code_of_a_refusal_is_described_under_its_status() -> None:
    """The table of problems and the description agree."""
    described = {
        (int(status), code)
        for item in DESCRIPTION["paths"].values()
        for operation in item.values()
        for status, response in operation["responses"].items()
        for code in _codes(response)
    }
    expected = {
        (status_of(error).value, error.code)
        for error in (
            kind.__new__(kind)
            for kind in _classes(MerklelogError)
            if kind in STATUS or issubclass(kind, RequestError)
        )
        if error.code != "internal_error"
    }
    assert described == expected


def _codes(response: dict[str, object]) -> list[str]:
    name = str(response.get("$ref", "")).rpartition("/")[2]
    if not name:
        return []
    content = DESCRIPTION["components"]["responses"][name]["content"]
    schema = content["application/problem+json"]["schema"]
    codes: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return codes


def _classes(kind: type[MerklelogError]) -> Iterator[type[MerklelogError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _classes(child)


async def test_a_problem_has_the_members_of_rfc_9457(api: Api) -> None:
    """type, title, status and detail; and our code."""
    problem = (await api.get("/entries/0")).json
    assert problem == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "the signed tree has 0 entries, none at 0",
    }
