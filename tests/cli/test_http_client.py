"""The HTTP client believes no answer more than it has to."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from merklelog.client import tail as tail_module
from merklelog.client.errors import BadAnswer, ServerProblem, Unreachable
from merklelog.client.http import LogClient
from merklelog.client.tail import tail
from proofs.hashing import leaf_hash
from proofs.text import format_base64

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def log_that(handler: Handler) -> AsyncIterator[LogClient]:
    """Give a client of a log whose every answer is *handler*'s."""
    app = web.Application()
    app.router.add_route("*", "/logs/main/{rest:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    try:
        async with LogClient(str(server.make_url("/logs/main"))) as client:
            yield client
    finally:
        await server.close()


def answering(**response: object) -> Handler:
    """Return a handler with one answer for everything."""

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(**response)  # type: ignore[arg-type]  # as the tests name them

    return handler


async def test_an_endless_answer_is_cut_off() -> None:
    """A tile has a largest size; more is not read to its end."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    async with log_that(endless) as client:
        with pytest.raises(BadAnswer, match="larger than"):
            await client.tile("tile/0/000")


async def test_redirects_are_not_followed() -> None:
    """The log is where the user said it is."""
    async with log_that(
        answering(status=302, headers={"Location": "http://127.0.0.1:1/"})
    ) as client:
        with pytest.raises(ServerProblem, match="HTTP 302"):
            await client.checkpoint()


async def test_a_problem_is_told_in_its_words() -> None:
    """With the code that programs go by, and when to come back."""
    body = json.dumps({"code": "pool_full", "detail": "too much is waiting"})
    async with log_that(
        answering(status=503, text=body, headers={"Retry-After": "3"})
    ) as client:
        with pytest.raises(ServerProblem, match="too much is waiting") as caught:
            await client.checkpoint()

    assert (caught.value.code, caught.value.retry_after) == ("pool_full", 3.0)


async def test_another_server_is_recognised() -> None:
    """A 404 that is no problem document: it is not the URL of a log."""
    async with log_that(answering(status=404, text="<html>")) as client:
        with pytest.raises(ServerProblem, match="not the URL of a log"):
            await client.checkpoint()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "[" * 100_000])
async def test_what_is_no_json_object_is_refused(text: str) -> None:
    """Whatever a server sends instead."""
    async with log_that(answering(text=text)) as client:
        with pytest.raises(BadAnswer):
            await client.get_json("/x")


@pytest.mark.parametrize(
    "entries", [None, [], ["YQ==", "YQ==", "YQ=="], ["not base64"], [7]]
)
async def test_entries_are_those_asked_for(entries: object) -> None:
    """None, more than asked for, or something else."""
    text = json.dumps({"start": 0, "entries": entries})
    async with log_that(answering(text=text)) as client:
        with pytest.raises(BadAnswer):
            _ = [entry async for entry in client.entries(0, 2)]


async def test_a_log_that_ends_early_is_told_apart() -> None:
    """A range that goes beyond the end of the log."""
    async with log_that(answering(text='{"start": 0, "entries": []}')) as client:
        with pytest.raises(BadAnswer, match="the log ends before entry 0"):
            _ = [entry async for entry in client.entries(0, 2)]


async def test_no_tls_where_https_is_asked_for() -> None:
    """The reason is not that of an OS error of the same number."""
    async with log_that(answering(text="{}")) as client:
        url = client.url.replace("http:", "https:")
        async with LogClient(url) as wrong:
            with pytest.raises(Unreachable, match=r"no TLS \(WRONG_VERSION_NUMBER\)"):
                await wrong.checkpoint()


async def test_nobody_there() -> None:
    """The message says what to look at."""
    async with LogClient("http://127.0.0.1:1/logs/main") as client:
        with pytest.raises(
            Unreachable, match="/main: Connection refused: is the server"
        ):
            await client.checkpoint()


def event(index: int, entry: bytes, *, hashed: bytes | None = None) -> bytes:
    """Return one event of the stream."""
    data = json.dumps(
        {
            "index": index,
            "leaf_hash": format_base64(leaf_hash(entry if hashed is None else hashed)),
            "entry": format_base64(entry),
        }
    )
    return f"event: entry\nid: {index}\ndata: {data}\n\n".encode()


async def test_tail_goes_on_where_it_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost connection is made again, from the index after the last one seen."""
    monkeypatch.setattr(tail_module, "_RECONNECT_DELAY", 0.0)
    asked: list[str] = []

    async def breaking(request: web.Request) -> web.StreamResponse:
        first = int(request.query["from"])
        asked.append(request.query["from"])
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b": comment\n\n" + event(first, b"x" * 65_535))
        assert request.transport is not None
        if len(asked) % 2:
            request.transport.abort()
        return response

    seen = []
    async with log_that(breaking) as client:
        async for found in tail(client, 5):
            seen.append(found.index)
            if len(seen) == 4:
                break

    assert seen == [5, 6, 7, 8]
    assert asked == ["5", "6", "7", "8"]


@pytest.mark.parametrize(
    "stream",
    [
        event(6, b"skipped one"),
        event(5, b"one", hashed=b"another"),
        b"event: entry\ndata: nonsense\n\n",
        b"event: entry\ndata: {}\n\n",
        b"event: entry\ndata: \xff\n\n",
        b"event: entry\ndata: " + b"x" * (1 << 20) + b"\n\n",
    ],
)
async def test_tail_refuses_what_does_not_hold_together(stream: bytes) -> None:
    """A gap, another entry's hash, no JSON, no end of a line."""
    async with log_that(answering(body=stream)) as client:
        with pytest.raises(BadAnswer):
            _ = [found async for found in tail(client, 5)]
