"""The server's front: one HTTP server, two ways in.

Most requests of a log under load are one and the same: a small entry with default
parameters. For them a Task, a Request and a Response cost more than the commit does.
So a small table stands in front of the application: a request whose method and raw
path are in it, whose body has arrived with its head, and that has nothing unusual
about it, is answered by the protocol itself. Everything else goes to the application.
Which of the two answers cannot be seen from outside: the table knows only what the
application answers too, and `tests/api/test_front.py` compares them.

Both are read by aiohttp's own parser and queue. Framing, limits, keep-alive,
pipelining, ``Expect`` and shutdown are its business here as there: what arrives is
parsed by `web.RequestHandler`, and only then looked at, before its loop is woken.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from merklelog.clock import monotonic
from merklelog.errors import MalformedRequest, MerklelogError
from proofs.tiles import MAX_ENTRY_SIZE

from .fronttable import Route, refusal, routes_of
from .measure import MEASURE, Measure
from .problems import from_http_exception, problem_response
from .state import LOGS, RECEIPTS

if TYPE_CHECKING:
    from asyncio import Future, TimerHandle

    from merklelog.tlog.commitment import Commitment

logger = logging.getLogger(__name__)

# An idle connection is closed after this, in seconds; it also bounds how long a client
# may take to send the head of a request.
_KEEPALIVE_TIMEOUT = 75.0

# How long the rest of a refused body is read and dropped, in seconds, so that a client
# that is still sending gets to see the refusal.
_LINGERING_TIME = 5.0

# How long a client may leave an answer in the server's buffer, in seconds.
_WRITE_TIMEOUT = 60.0

_FAILED = "the server failed; the failure has been logged"


class FrontProtocol(web.RequestHandler):
    """aiohttp's protocol of one connection, with the table before its loop.

    Either aiohttp's loop answers a request or this class does, never both at once:
    while one is under way the other leaves what arrives in aiohttp's queue.
    """

    __slots__ = ("_answering", "_cut_off", "_measure", "_started", "_table")

    def __init__(
        self,
        manager: web.Server,
        *,
        table: Mapping[str, Route],
        measure: Measure,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(manager, **options)
        self._table = table
        self._measure = measure
        # The route whose request is under way here; None while aiohttp has its turn.
        self._answering: Route | None = None
        self._started = 0.0
        # Runs while the client does not take what is written.
        self._cut_off: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse *data*, then see who answers what it completes."""
        # aiohttp wakes its loop through this future. Hidden from it, the messages
        # wait in the queue, and the table is asked first.
        waiter, self._waiter = self._waiter, None
        super().data_received(data)
        self._waiter = waiter
        self._next()

    def _next(self) -> None:
        """Answer the first request of the queue here, or wake aiohttp's loop for it."""
        waiter = self._waiter
        if self._answering or not self._messages or waiter is None or waiter.done():
            return
        if self._paused:  # A client that never reads would fill the memory.
            return
        message, payload = self._messages[0]
        route = self._route_of(message, payload)
        if route is None:
            waiter.set_result(None)
            return
        self._messages.popleft()
        self._answering = route
        self._free_parser_slot()
        self._submit(route, payload.read_nowait())

    def _route_of(self, message: object, payload: StreamReader) -> Route | None:
        """Return the line of the table for a request; None where it is not its."""
        if not isinstance(message, RawRequestMessage) or message.method != "POST":
            return None
        route = self._table.get(message.path)
        if route is None or not route.takes(message):
            return None
        # A body that is still arriving, or too large, is for the application's
        # `BodyReader`, which has limits and time-outs.
        whole = payload.is_eof() and payload.exception() is None
        small = payload.total_bytes <= MAX_ENTRY_SIZE
        return route if whole and small and not self._force_close else None

    def _free_parser_slot(self) -> None:
        """Let the parser go on, as aiohttp's loop does when it takes a message."""
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    def _submit(self, route: Route, entry: bytes) -> None:
        self._started = monotonic()
        self._postpone_close()
        # Shutdown waits for requests that are in progress.
        self._request_in_progress = True
        try:
            done = route.log.submit((entry,))
        except Exception as error:  # noqa: BLE001 - answered, and logged if a defect
            # Not at once: a client that sends refused requests without reading the
            # answers would have one call this function from within the other.
            self._loop.call_soon(self._finish, route, *_refusal(error))
        else:
            done.add_done_callback(self._committed)

    def _committed(self, done: "Future[Commitment]") -> None:
        """Answer the request under way. Called when its commit is over."""
        route = self._answering
        if route is None:
            raise AssertionError("a commit without a request that waits for it")
        try:
            response, status = route.response(done.result()), route.status
        except Exception as error:  # noqa: BLE001 - answered, and logged if a defect
            response, status = _refusal(error)
        self._finish(route, response, status)

    def _finish(self, route: Route, response: bytes, status: HTTPStatus) -> None:
        """Send *response*, and turn to what has arrived meanwhile."""
        if self.transport is not None:  # The client may be gone.
            self.transport.write(response)
        seconds = monotonic() - self._started
        self._measure(route.log.name, route.pattern, "POST", status, seconds)
        self._answering = None
        self._request_in_progress = False
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        self._postpone_close()
        self._next()

    def _postpone_close(self) -> None:
        """Keep the connection for as long again, as aiohttp's loop does."""
        self._next_keepalive_close_time = self._loop.time() + _KEEPALIVE_TIMEOUT
        if self._keepalive_handle is None and not self._force_close:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )

    def _process_keepalive(self) -> None:
        """Close an idle connection; not one whose answer waits for its commit."""
        if self._answering is None:
            super()._process_keepalive()
        else:
            self._keepalive_handle = None
            self._postpone_close()

    def pause_writing(self) -> None:
        """Give the client time to take what is buffered, and then its connection."""
        super().pause_writing()
        self._cut_off = self._loop.call_later(_WRITE_TIMEOUT, self._abort)

    def resume_writing(self) -> None:
        """Go on with what was left in the queue."""
        super().resume_writing()
        self._stop_timer()
        self._next()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _abort(self) -> None:
        if self.transport is not None:
            # Closing would wait until the client has taken the rest.
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None

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
            error: MerklelogError = MalformedRequest(f"malformed HTTP: {message}")
        else:
            logger.error("a request failed", exc_info=exc)
            error = MerklelogError(_FAILED)
        response = problem_response(error)
        response.force_close()
        return response


class FrontServer(web.Server):
    """aiohttp's server, with that protocol."""

    def __init__(
        self,
        application: web.Server,
        *,
        table: Mapping[str, Route],
        measure: Measure,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(
            self._ask_application,
            request_factory=application.request_factory,
            **options,
        )
        self._application = application
        self._table = table
        self._measure = measure

    async def _ask_application(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._application.request_handler(request)
        except web.HTTPException as exception:
            # Raised before the middlewares: an Expect header that is unknown.
            return problem_response(from_http_exception(exception, request))

    def __call__(self) -> FrontProtocol:
        """Return the protocol of a new connection."""
        return FrontProtocol(
            self,
            loop=self._loop,
            table=self._table,
            measure=self._measure,
            **self._kwargs,
        )


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
            table |= routes_of(log, self.app[RECEIPTS][name])
        measure = self.app[MEASURE]
        options: dict[str, Any] = dict(self._kwargs)
        return FrontServer(application, table=table, measure=measure, **options)


def _refusal(error: Exception) -> tuple[bytes, HTTPStatus]:
    """Return the answer to a request that *error* ended."""
    if isinstance(error, MerklelogError):
        return refusal(error)
    logger.error("a request failed", exc_info=error)
    return refusal(MerklelogError(_FAILED))
