"""How long requests take: ``merklelog_request_seconds{route,method,status}``."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from merklelog.clock import monotonic
from merklelog.metrics import Metrics

# Methods that get a label of their own. A client can invent others without end, and
# each would be a time series.
_METHODS = frozenset({"GET", "HEAD", "POST"})


class Measure:
    """Records requests. One for a server, on its event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._histogram = metrics.request_seconds
        # labels() takes a lock and builds a key; here one dict look-up a request.
        self._children: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def __call__(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record one request to *route*, a pattern and never a path."""
        key = (route, method, status)
        observe = self._children.get(key)
        if observe is None:
            named = method if method in _METHODS else "other"
            child = self._histogram.labels(route=route, method=named, status=status)
            observe = self._children[key] = child.observe
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
            method = request.method if request.method in _METHODS else "other"
            self(route, method, status, monotonic() - started)
        return response
