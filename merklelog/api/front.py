"""The server's front: one low-level HTTP server, two ways in.

Most requests of a log under load are one and the same: a small entry with default
parameters. For them the router, the middlewares and the Request of an `Application`
cost more than the commit does. So a small table stands in front: a request whose
method and raw path are in it, and that has nothing unusual about it, goes straight to
the log; everything else goes to the application. Which of the two answers cannot be
seen from outside: the table knows only what the application answers too.

Both are served by aiohttp's own protocol and parser. Framing, limits, keep-alive,
pipelining, ``Expect`` and shutdown are its business here as there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from merklelog.clock import monotonic
from merklelog.errors import MalformedRequest, MerklelogError
from merklelog.tlog.log import Log

from .bodies import BodyReader
from .documents import JSON
from .measure import MEASURE, Measure
from .problems import from_http_exception, problem_response
from .receipts import ReceiptWriter
from .state import BODIES, LOGS, RECEIPTS
from .submit import BYTES

logger = logging.getLogger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Headers that change what a submission means. The table leaves them to the application.
_UNUSUAL = (hdrs.EXPECT, hdrs.CONTENT_ENCODING, hdrs.UPGRADE, "Idempotency-Key")

# An idle connection is closed after this, in seconds; it also bounds how long a client
# may take to send the head of a request.
_KEEPALIVE_TIMEOUT = 75.0

# How long the rest of a refused body is read and dropped, in seconds, so that a client
# that is still sending gets to see the refusal.
_LINGERING_TIME = 5.0


class Route:
    """One line of the table: a path to which single entries are posted."""

    __slots__ = ("any_type", "handler", "log_name", "pattern")

    def __init__(
        self, log_name: str, pattern: str, handler: Handler, *, any_type: bool
    ) -> None:
        self.log_name = log_name
        self.pattern = pattern
        """The path as the application's routes spell it: the label of its metrics."""
        self.handler = handler
        self.any_type = any_type
        """Whether it takes any Content-Type for bytes."""


class PlainRequest(web.BaseRequest):
    """A request that the table answers."""

    route: Route


class PlainSubmissions:
    """What the table holds for one log: one entry a request, and nothing asked."""

    def __init__(self, log: Log, bodies: BodyReader, writer: ReceiptWriter) -> None:
        self._log = log
        self._bodies = bodies
        self._writer = writer
        self._location = f"/logs/{log.name}/entries/"

    def routes(self) -> Mapping[str, Route]:
        """Return the lines of the table, by raw path."""
        name = self._log.name
        submit = Route(name, "/logs/{log}/entries", self._submit, any_type=False)
        add = Route(name, "/logs/{log}/add", self._add, any_type=True)
        return {f"/logs/{name}/entries": submit, f"/logs/{name}/add": add}

    async def _submit(self, request: web.BaseRequest) -> web.Response:
        """Answer as `submit.submit_entries` does: with a receipt."""
        entry = await self._bodies.read(request)
        commitment = await self._log.submit((entry,))
        return web.Response(
            status=201,
            body=self._writer.full(commitment, 0),
            headers={
                hdrs.CONTENT_TYPE: JSON,
                hdrs.LOCATION: f"{self._location}{commitment.first_index}",
            },
        )

    async def _add(self, request: web.BaseRequest) -> web.Response:
        """Answer as `submit.add_entry` does: with the index."""
        entry = await self._bodies.read(request)
        commitment = await self._log.submit((entry,))
        return web.Response(
            body=b"%d" % commitment.first_index,
            headers={hdrs.CONTENT_TYPE: "text/plain; charset=utf-8"},
        )


class Front:
    """Tells the table's requests from the application's, and has them answered."""

    def __init__(
        self, table: Mapping[str, Route], measure: Measure, application: web.Server
    ) -> None:
        self._table = table
        self._measure = measure
        self._application = application

    def make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Return the request for *message*: the table's kind, or the application's."""
        if message.method == hdrs.METH_POST:
            route = self._table.get(message.path)
            if route is not None and _is_plain(message, route):
                loop = asyncio.get_running_loop()
                request = PlainRequest(message, payload, protocol, writer, task, loop)
                request.route = route
                return request
        factory = self._application.request_factory
        return factory(message, payload, protocol, writer, task)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer *request*, by the table or by the application."""
        if not isinstance(request, PlainRequest):
            try:
                return await self._application.request_handler(request)
            except web.HTTPException as exception:
                # Raised before the middlewares: an Expect header that is unknown.
                return problem_response(from_http_exception(exception, request))
        route, started = request.route, monotonic()
        try:
            response = await route.handler(request)
        except MerklelogError as error:
            response = problem_response(error)
        seconds = monotonic() - started
        self._measure(route.log_name, route.pattern, "POST", response.status, seconds)
        return response


class FrontProtocol(web.RequestHandler):
    """aiohttp's protocol, answering what goes wrong in it as everything else does."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the problem document for malformed HTTP, or for a defect of ours."""
        if isinstance(exc, ConnectionError):
            # The client left while its body was being read: nobody is to be told.
            raise exc
        if request.writer.output_size > 0:
            logger.error("an answer broke off", exc_info=exc)
            raise ConnectionError("the answer is under way, and cannot become another")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # Not with its traceback: any stranger can send as many as he likes.
            logger.debug("malformed HTTP from %s: %s", request.remote, message)
            reason = (message or "").partition("\n")[0]
            error: MerklelogError = MalformedRequest(f"malformed HTTP: {reason}")
        else:
            logger.error("a request failed", exc_info=exc)
            error = MerklelogError("the server failed; the failure has been logged")
        response = problem_response(error)
        response.force_close()
        return response


class FrontServer(web.Server):
    """aiohttp's server, with that protocol."""

    def __call__(self) -> FrontProtocol:
        """Return the protocol of a new connection."""
        return FrontProtocol(self, loop=self._loop, **self._kwargs)


class FrontRunner(web.AppRunner):
    """Runs an application of `merklelog.api.app` behind the table of its logs."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        """Give requests *shutdown_timeout* seconds to end when the server stops."""
        super().__init__(
            app,
            shutdown_timeout=shutdown_timeout,
            access_log=None,
            # A body that inflates would evade the limits; `BodyReader` refuses it.
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE_TIMEOUT,
            lingering_time=_LINGERING_TIME,
        )

    async def _make_server(self) -> web.Server:
        application = await super()._make_server()
        table: dict[str, Route] = {}
        for name, log in self.app[LOGS].items():
            writer = self.app[RECEIPTS][name]
            table |= PlainSubmissions(log, self.app[BODIES], writer).routes()
        front = Front(table, self.app[MEASURE], application)
        options: dict[str, Any] = dict(self._kwargs)
        return FrontServer(front.handle, request_factory=front.make_request, **options)


def _is_plain(message: RawRequestMessage, route: Route) -> bool:
    """Tell whether nothing about a submission but its path needs to be looked at."""
    headers = message.headers
    if any(name in headers for name in _UNUSUAL):
        return False
    return route.any_type or headers.get(hdrs.CONTENT_TYPE, BYTES) == BYTES
