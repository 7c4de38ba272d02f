"""How long requests take: ``merklelog_request_seconds{log,route,method,status}``."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from merklelog.clock import monotonic
from merklelog.metrics import Metrics

from .state import LOGS

# Methods that get a label of their own. A client can invent others without end, and
# each would be a time series of its own.
_METHODS = frozenset({"GET", "HEAD", "POST"})


class Measure:
    """Records requests. One for a server, on its event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # Bounded: logs, routes, methods and statuses are ours, not the client's.
        self._observers: dict[tuple[str, str, str, int], Callable[[float], None]] = {}

    def __call__(
        self, log: str, route: str, method: str, status: int, seconds: float
    ) -> None:
        """Record a request to *route*, a pattern and never a path, of *log* or none."""
        key = (log, route, method, status)
        observe = self._observers.get(key)
        if observe is None:
            histogram = self._metrics.request(
                log=log, route=route, method=method, status=status
            )
            observe = self._observers[key] = histogram.observe
        observe(seconds)

    @web.middleware
    async def middleware(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Record what the application answers."""
        started = monotonic()
        status = 500
        try:
            response = await handler(request)
            status = response.status
        finally:
            resource = request.match_info.route.resource
            route = "unmatched" if resource is None else resource.canonical
            log = request.match_info.get("log", "")
            self(
                log if log in request.app[LOGS] else "",
                route,
                request.method if request.method in _METHODS else "other",
                status,
                monotonic() - started,
            )
        return response


MEASURE = web.AppKey("MEASURE", Measure)
