"""The live stream of a log: Server-Sent Events (WHATWG HTML section 9.2).

::

    event: entry
    id: 41
    data: {"index": 41, "leaf_hash": "...", "entry": "..."}

A stream reads the log as any other reader does, a page at a time, and only once the
client has taken the last page. The sequencer does not know of it. A client that stops
reading holds one page, until the write runs into its time limit and it is cut off; it
comes back with ``Last-Event-ID`` and misses nothing.
"""

import asyncio

from aiohttp import hdrs, web

from merklelog.errors import NotFound, RateLimited
from merklelog.tlog.log import Log
from proofs.hashing import leaf_hash
from proofs.text import format_base64

from .parameters import optional_number, parse_number, read_parameters
from .state import STOPPING, TAILS, log_of

# Entries read and written at once: at most 2 MiB, 3 as text.
_PAGE = 32

# Streams at once, over all logs: the memory bound is this many pages.
_MOST_STREAMS = 256

# Seconds that the client may take for one page, and after which it hears a comment.
_WRITE_TIMEOUT = 30
_HEARTBEAT = 15

# What a client that finds no free stream, or whose stream ended, waits: seconds.
_RETRY = 5


async def get_tail(request: web.Request) -> web.StreamResponse:
    """Answer ``GET /logs/{log}/tail?from=``: entries as they come, without an end."""
    log = log_of(request)
    position = _first_index(request, log)
    tails = request.app[TAILS]
    if len(tails) >= _MOST_STREAMS:
        raise RateLimited(f"{_MOST_STREAMS} streams are open", retry_after=_RETRY)
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
            hdrs.CACHE_CONTROL: "no-cache",
            "X-Content-Type-Options": "nosniff",
        }
    )
    tails.add(response)
    try:
        await response.prepare(request)
        await _send(response, f"retry: {_RETRY * 1000}\n\n".encode("ascii"))
        await _follow(log, position, response, request.app[STOPPING])
    except TimeoutError:
        # Closing would wait until the client has taken what is buffered.
        if request.transport is not None:
            request.transport.abort()
    finally:
        tails.discard(response)
    return response


def _first_index(request: web.Request, log: Log) -> int:
    """Return the index to begin with: after the last one seen, ``from``, or now."""
    parameters = read_parameters(request, {"from"})
    first = optional_number(parameters, "from")
    # A browser that reconnects repeats the URL, and says in the header how far it got.
    last_seen = request.headers.get("Last-Event-ID")
    if last_seen is not None:
        first = parse_number(last_seen, field="Last-Event-ID") + 1
    if first is None:
        return log.head.size
    if first > log.head.size:
        raise NotFound(f"the signed tree has {log.head.size} entries, none at {first}")
    return first


async def _follow(
    log: Log, position: int, response: web.StreamResponse, stopping: asyncio.Event
) -> None:
    """Send entries from *position* on until the client leaves or the server stops."""
    stopped = asyncio.create_task(stopping.wait())
    try:
        while not stopped.done():
            end = min(position + _PAGE, log.head.size)
            if position < end:
                entries = await log.reader.entries(position, end)
                await _send(response, _format_events(position, entries))
                position += len(entries)
                continue
            grown = asyncio.create_task(log.wait_for_size(position + 1))
            done, _ = await asyncio.wait(
                {grown, stopped},
                timeout=_HEARTBEAT,
                return_when=asyncio.FIRST_COMPLETED,
            )
            grown.cancel()
            if not done:
                await _send(response, b": still here\n\n")
    finally:
        stopped.cancel()


def _format_events(start: int, entries: list[bytes]) -> bytes:
    """Return the events of *entries*, the first of which has index *start*."""
    return "".join(
        f"event: entry\nid: {index}\n"
        f'data: {{"index": {index}, "leaf_hash": "{format_base64(leaf_hash(entry))}", '
        f'"entry": "{format_base64(entry)}"}}\n\n'
        for index, entry in enumerate(entries, start)
    ).encode("ascii")


async def _send(response: web.StreamResponse, data: bytes) -> None:
    """Write *data*, and return once the client has taken all but a buffer of it."""
    async with asyncio.timeout(_WRITE_TIMEOUT):
        await response.write(data)
