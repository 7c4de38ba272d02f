"""Large answers: sent in pieces, and bounded in sum.

An entry bundle can have 16 MiB, and whoever asks for one can leave it unread. Handed
to the transport as a whole it would be held twice, for each such client. So a large
answer is written piece by piece, as its client takes it, and all that are under way
together hold at most so many bytes: one more is refused, to be asked for again.
"""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from merklelog.errors import RateLimited

# What is smaller is sent at once: tiles, receipts, bundles of usual entries.
_LARGE = 256 * 1024

# Bytes written at once.
_PIECE = 64 * 1024

# Bytes of large answers under way: eight of the largest bundles.
_MOST_BYTES = 128 * 1024 * 1024

# What a client that is refused waits, in seconds.
_RETRY = 1


class LargeAnswers:
    """Sends the large answers of a server. Belongs to its event loop."""

    def __init__(self) -> None:
        self._held = 0

    @web.middleware
    async def middleware(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Send what the application answers, if it is large."""
        response = await handler(request)
        if request.method == hdrs.METH_HEAD or not isinstance(response, web.Response):
            return response
        body = response.body
        if not isinstance(body, bytes) or len(body) <= _LARGE:
            return response
        return await self._send(request, response, body)

    async def _send(
        self, request: web.Request, response: web.Response, body: bytes
    ) -> web.StreamResponse:
        if self._held and self._held + len(body) > _MOST_BYTES:
            raise RateLimited("too many large answers are unread", retry_after=_RETRY)
        self._held += len(body)
        try:
            stream = web.StreamResponse(
                status=response.status, headers=response.headers
            )
            stream.content_length = len(body)
            await stream.prepare(request)
            view = memoryview(body)
            for start in range(0, len(body), _PIECE):
                await stream.write(view[start : start + _PIECE])
            await stream.write_eof()
        finally:
            self._held -= len(body)
        return stream
