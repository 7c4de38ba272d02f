"""What every handler finds in its application: typed keys, and the log of a request."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from merklelog.config import ServerConfig
from merklelog.errors import NotFound
from merklelog.metrics import Metrics
from merklelog.tlog.log import Log

from .bodies import BodyReader
from .receipts import ReceiptWriter

LOGS = web.AppKey("LOGS", Mapping[str, Log])
"""The logs that are served, by short name. Opened and closed by the server."""

CONFIG = web.AppKey("CONFIG", ServerConfig)

METRICS = web.AppKey("METRICS", Metrics)

BODIES = web.AppKey("BODIES", BodyReader)

RECEIPTS = web.AppKey("RECEIPTS", Mapping[str, ReceiptWriter])
"""One for each log, by short name."""

STOPPING = web.AppKey("STOPPING", asyncio.Event)
"""Set once, when the server begins to shut down: endless answers end then."""

TAILS = web.AppKey("TAILS", set[web.StreamResponse])
"""The open streams, over all logs. Owned by ``tail.py``."""


def log_of(request: web.Request) -> Log:
    """Return the log that the path of *request* names.

    Raises:
        NotFound: no log of that name is served here.
    """
    name = request.match_info["log"]
    log = request.app[LOGS].get(name)
    if log is None:
        raise NotFound(f"no log is named {name!r} here")
    return log
