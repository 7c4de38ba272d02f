"""What stands here, and how it is: for operators, load balancers and monitors."""

from collections.abc import Mapping
from importlib import resources

from aiohttp import hdrs, web

from merklelog.errors import StorageFailed
from merklelog.tlog.log import Log
from merklelog.tlog.status import integrity

from .documents import json_response
from .state import LOGS, METRICS

_NO_CACHE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-cache"}

OPENAPI = resources.files(__package__).joinpath("openapi.json").read_bytes()
"""The description of this API. It is a file of the package, and served as it is."""


async def get_logs(request: web.Request) -> web.Response:
    """Answer ``GET /logs``: what stands here."""
    logs = [_describe(log) for log in request.app[LOGS].values()]
    return json_response({"logs": logs}, headers=_NO_CACHE)


async def get_liveness(_request: web.Request) -> web.Response:
    """Answer ``GET /healthz``: the event loop runs. Says nothing of the logs."""
    return json_response({"status": "alive"}, headers=_NO_CACHE)


async def get_readiness(request: web.Request) -> web.Response:
    """Answer ``GET /readyz``: 503 while the store of a log is out of service.

    A frozen log is ready: what it can still do, it does.
    """
    states = {name: log.state for name, log in request.app[LOGS].items()}
    if "recovering" in states.values():
        failed = [name for name, state in states.items() if state == "recovering"]
        raise StorageFailed(f"the store is out of service: {', '.join(failed)}")
    return json_response({"status": "ready", "logs": states}, headers=_NO_CACHE)


async def get_integrity(request: web.Request) -> web.Response:
    """Answer ``GET /healthz/integrity``: what was checked, how far and when.

    Never a bare yes. It is the server's own word about itself: whoever doubts it runs
    ``merklelog fsck`` with a key of his own.
    """
    logs = {name: integrity(log) for name, log in request.app[LOGS].items()}
    red = any(
        log.state == "recovering" or log.guard_problem is not None
        for log in request.app[LOGS].values()
    )
    return json_response({"logs": logs}, status=503 if red else 200, headers=_NO_CACHE)


async def get_metrics(request: web.Request) -> web.Response:
    """Answer ``GET /metrics`` for Prometheus."""
    metrics = request.app[METRICS]
    return web.Response(
        body=metrics.exposition(), headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE}
    )


async def get_openapi(_request: web.Request) -> web.Response:
    """Answer ``GET /openapi.json``."""
    return web.Response(body=OPENAPI, content_type="application/json")


def _describe(log: Log) -> dict[str, object]:
    return {
        "name": log.name,
        "origin": log.origin,
        "kind": log.config.kind,
        "state": log.state,
        "size": log.head.size,
        "published_size": log.published.size,
        "vkey": log.keys.vkeys[0],
    }
