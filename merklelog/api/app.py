"""The application: which request goes to which file, and what all of them share."""

import asyncio
from collections.abc import Mapping

from aiohttp import hdrs, web

from merklelog.config import ServerConfig
from merklelog.metrics import Metrics
from merklelog.tlog.log import Log

from . import ct, health, keys, prove, read, submit, tail
from .bodies import BodyReader
from .largeanswers import LargeAnswers
from .measure import MEASURE, Measure
from .problems import answer_problems
from .receipts import ReceiptWriter
from .state import (
    BODIES,
    CONFIG,
    LOGS,
    METRICS,
    RECEIPTS,
    STOPPING,
    TAILS,
)

SERVER_NAME = "merklelog"
"""What the server calls itself: no versions for strangers to look up."""

_LOG = "/logs/{log}"

_ROUTES = (
    web.post(f"{_LOG}/entries", submit.submit_entries),
    web.post(f"{_LOG}/add", submit.add_entry),
    web.get(f"{_LOG}/checkpoint", read.get_checkpoint),
    web.get(f"{_LOG}/tile/{{path:.+}}", read.get_tile),
    web.get(f"{_LOG}/entries", read.get_entries),
    web.get(f"{_LOG}/entries/{{index}}", read.get_entry),
    web.get(f"{_LOG}/proofs/inclusion", prove.get_inclusion),
    web.get(f"{_LOG}/proofs/consistency", prove.get_consistency),
    web.get(f"{_LOG}/receipts/{{index}}", prove.get_receipt),
    web.get(f"{_LOG}/ct/v1/get-sth", ct.get_sth),
    web.get(f"{_LOG}/ct/v1/get-sth-consistency", ct.get_sth_consistency),
    web.get(f"{_LOG}/ct/v1/get-proof-by-hash", ct.get_proof_by_hash),
    web.get(f"{_LOG}/ct/v1/get-entries", ct.get_entries),
    web.get(f"{_LOG}/ct/v1/get-entry-and-proof", ct.get_entry_and_proof),
    web.get(f"{_LOG}/keys", keys.get_keys),
    # Not for HEAD: the headers of an endless answer say nothing.
    web.get(f"{_LOG}/tail", tail.get_tail, allow_head=False),
    web.get("/logs", health.get_logs),
    web.get("/healthz", health.get_liveness),
    web.get("/readyz", health.get_readiness),
    web.get("/healthz/integrity", health.get_integrity),
    web.get("/metrics", health.get_metrics),
    web.get("/openapi.json", health.get_openapi),
)

_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def make_app(
    logs: Mapping[str, Log], config: ServerConfig, metrics: Metrics
) -> web.Application:
    """Return the application that serves *logs*, by their short names.

    It neither opens nor closes them. Run it with `merklelog.api.front.FrontRunner`.
    """
    measure = Measure(metrics)
    app = web.Application(
        middlewares=[measure.middleware, answer_problems, LargeAnswers().middleware]
    )
    app[LOGS] = logs
    app[CONFIG] = config
    app[METRICS] = metrics
    app[MEASURE] = measure
    app[BODIES] = BodyReader(
        limit=config.max_body_bytes,
        total_limit=max(config.max_body_bytes, config.pool_bytes),
        timeout=config.body_timeout,
    )
    app[RECEIPTS] = {name: ReceiptWriter(log.origin) for name, log in logs.items()}
    app[STOPPING] = asyncio.Event()
    app[TAILS] = set()
    app.add_routes(_ROUTES)
    app.on_response_prepare.append(_share_reads)
    app.on_response_prepare.append(_name_server)
    app.on_shutdown.append(_stop)
    return app


async def _share_reads(request: web.Request, response: web.StreamResponse) -> None:
    """Let pages of any origin read what is public: a log is there to be checked."""
    public = request.path.startswith("/logs") or request.path == "/openapi.json"
    if public and request.method in _READS:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"


async def _name_server(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = SERVER_NAME


async def _stop(app: web.Application) -> None:
    app[STOPPING].set()
