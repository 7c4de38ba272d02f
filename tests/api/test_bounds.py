"""Bounded and strict: what is too large, too slow or malformed changes nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from apiserver import NDJSON, Api, serving

from merklelog.api import largeanswers
from merklelog.config import ServerConfig
from merklelog.errors import CorruptStore, PoolFull
from merklelog.tlog.log import Log

LIMIT = 1 << 16


@pytest.fixture
async def small(log: Log) -> AsyncIterator[Api]:
    """Return the log served with the smallest limits."""
    config = ServerConfig(max_body_bytes=LIMIT, pool_bytes=LIMIT, body_timeout=0.3)
    async with serving(log, config) as api:
        yield api


def post(headers: bytes, body: bytes = b"", path: bytes = b"/entries") -> bytes:
    """Return a submission as bytes on the wire."""
    return b"POST /logs/main%b HTTP/1.1\r\nHost: x\r\n%b\r\n%b" % (path, headers, body)


PATHS = pytest.mark.parametrize(
    "path", [b"/entries", b"/add", b"/entries?wait=integrated"]
)


@PATHS
async def test_an_announced_oversize_body_is_not_read(small: Api, path: bytes) -> None:
    """Content-Length beyond the limit: refused before a byte of it has come."""
    reader, writer = await small.connect()
    writer.write(post(b"Content-Length: 1000000000000\r\n", path=path))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in head
    writer.close()
    assert small.log.head.size == 0


@PATHS
async def test_an_oversize_chunked_body_is_cut_off(small: Api, path: bytes) -> None:
    """A body that announces nothing is counted while it comes."""
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    reader, writer = await small.connect()
    writer.write(post(b"Transfer-Encoding: chunked\r\n", chunk * 17, path))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b'"body_too_large"' in await asyncio.wait_for(reader.read(500), 5)
    writer.close()
    assert small.log.head.size == 0


@PATHS
async def test_a_body_of_exactly_the_limit_is_read(small: Api, path: bytes) -> None:
    """The limit itself is allowed for a body; as one entry it is too large."""
    body = b"x" * LIMIT
    head = b"Content-Length: %d\r\nConnection: close\r\n" % LIMIT
    answer = await small.raw(post(head, body, path))
    assert b'"entry_too_large"' in answer


@PATHS
async def test_a_slow_body_times_out(small: Api, path: bytes) -> None:
    """The whole body has to be there in time."""
    reader, writer = await small.connect()
    writer.write(post(b"Content-Length: 5\r\n", b"hel", path))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b'"request_timeout"' in await reader.read(500)
    writer.close()
    assert small.log.head.size == 0


async def test_a_trickling_body_times_out(small: Api) -> None:
    """A byte now and then does not keep a request alive."""
    reader, writer = await small.connect()
    writer.write(post(b"Content-Length: 100\r\n"))

    async def trickle() -> None:
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(trickle())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    sending.cancel()
    assert head.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_slow_bodies_do_not_add_up(small: Api) -> None:
    """All bodies being read share one bound; beyond it: pool_full, and come back."""
    connections = [await small.connect() for _ in range(3)]
    part = b"x" * 40_000
    for _, writer in connections:
        writer.write(post(b"Content-Length: 65000\r\n", part))
    refused = 0
    for reader, writer in connections:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        if head.startswith(b"HTTP/1.1 503 "):
            assert b"Retry-After: 1" in head
            assert b'"pool_full"' in await reader.read(500)
            refused += 1
        writer.close()
    assert refused >= 1


async def test_what_was_held_for_bodies_is_released(small: Api) -> None:
    """After refusals and disconnections the next body is read as the first was."""
    for _ in range(5):
        _, writer = await small.connect()
        writer.write(post(b"Content-Length: 60000\r\n", b"x" * 50_000))
        await asyncio.sleep(0.02)
        writer.transport.abort()
    await asyncio.sleep(0.1)
    assert (await small.submit(b"x" * 60_000)).status == 201


async def test_a_body_that_breaks_off_changes_nothing(small: Api) -> None:
    """Half a body is no entry."""
    _, writer = await small.connect()
    writer.write(post(b"Content-Length: 50\r\n", b"x" * 30))
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)
    assert (await small.get("//healthz")).status == 200
    assert small.log.head.size == 0


async def test_a_full_pool_is_said_with_a_time_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pool_full is 503 with Retry-After: nothing was taken."""

    def full(*_: object, **__: object) -> None:
        raise PoolFull(limit=1)

    monkeypatch.setattr(api.log, "submit", full)
    for path in ("/entries", "/add", "/entries?receipt=none"):
        answer = await api.request("POST", path, b"entry")
        assert (answer.status, answer.code) == (503, "pool_full")
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "garbage",
        "",
        "application/x-ndjson; charset=iso-8859-1",
        "application/octet-stream, application/x-ndjson",
    ],
)
async def test_an_unsupported_media_type(api: Api, kind: str) -> None:
    """An opaque log takes bytes, NDJSON and CBOR sequences."""
    answer = await api.submit(b"entry", headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert api.log.head.size == 0


@pytest.mark.parametrize("path", ["/entries", "/add"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
async def test_a_compressed_body_is_refused(api: Api, coding: str, path: str) -> None:
    """A small body that inflates would evade the limits."""
    headers = {"Content-Encoding": coding, "Content-Type": "application/octet-stream"}
    answer = await api.raw(
        post(
            b"Content-Encoding: %b\r\nContent-Length: 3\r\nConnection: close\r\n"
            % headers["Content-Encoding"].encode(),
            b"abc",
            path.encode(),
        )
    )
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert api.log.head.size == 0


async def test_a_second_content_encoding_is_not_overlooked(api: Api) -> None:
    """Two header lines are one list (RFC 9110 section 5.3)."""
    codings = b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
    framing = b"Content-Length: 3\r\nConnection: close\r\n"
    answer = await api.raw(post(codings + framing, b"abc", b"/add"))
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert api.log.head.size == 0


async def test_a_million_newlines_are_not_a_million_objects(api: Api) -> None:
    """Lines are counted before they are split."""
    answer = await api.submit(b"\n" * 1_000_000, headers=NDJSON)
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GARBAGE\r\n\r\n", id="no request line"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="a version that is not"),
        pytest.param(
            b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", id="a target too long"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
            id="a header too long",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n"
            + b"".join(b"A%d: x\r\n" % i for i in range(1000))
            + b"\r\n",
            id="too many headers",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost x\r\n\r\n", id="a header without colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n", id="a space in a name"),
        pytest.param(
            post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
            id="two lengths",
        ),
        pytest.param(post(b"Content-Length: -5\r\n", b"hello"), id="a negative length"),
        pytest.param(post(b"Content-Length: 0x5\r\n", b"hello"), id="a length in hex"),
        pytest.param(
            post(
                b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                b"0\r\n\r\n",
            ),
            id="length and chunks",
        ),
        pytest.param(
            post(
                b"Transfer-Encoding: chunked\r\nConnection: close\r\n", b"zz\r\nhi\r\n"
            ),
            id="a chunk size that is none",
        ),
    ],
)
async def test_malformed_http_is_a_problem_document(api: Api, request_: bytes) -> None:
    """What aiohttp's parser refuses is answered as every other error, and closed."""
    answer = await asyncio.wait_for(api.raw(request_), 10)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"Content-Type: application/problem+json" in head
    assert b'"code":"malformed_request"' in body
    assert api.log.head.size == 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/entries", "GET, HEAD, POST"),
        ("DELETE", "/entries/0", "GET, HEAD"),
        ("GET", "/add", "POST"),
        ("POST", "/checkpoint", "GET, HEAD"),
        ("POST", "/tile/0/000", "GET, HEAD"),
        ("HEAD", "/tail", "GET"),
        ("OPTIONS", "/entries", "GET, HEAD, POST"),
        ("PROPFIND", "//logs", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    """405 with Allow."""
    answer = await api.request(method, path)
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed
    if method != "HEAD":
        assert answer.code == "method_not_allowed"


async def test_an_unknown_expectation_is_refused(api: Api) -> None:
    """Expect knows 100-continue alone."""
    answer = await api.raw(
        post(b"Expect: magic\r\nContent-Length: 5\r\nConnection: close\r\n", b"hello")
    )
    assert b'"malformed_request"' in answer
    assert api.log.head.size == 0


async def test_expect_continue_is_answered(api: Api) -> None:
    """A client that asks first is told to go on, then answered."""
    reader, writer = await api.connect()
    writer.write(post(b"Expect: 100-continue\r\nContent-Length: 5\r\n"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"hello")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_a_defect_is_a_problem_document_and_is_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception nobody expected says nothing of itself to the client."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.log, "submit", broken)
    for path in ("/entries", "/entries?wait=integrated"):
        caplog.clear()
        answer = await api.request("POST", path, b"entry")
        assert (answer.status, answer.code) == (500, "internal_error")
        assert b"secret" not in answer.body
        assert "secret detail" in caplog.text


async def test_a_store_out_of_service_is_said_with_a_time_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """storage_failed is 503 with Retry-After, for reads as for writes."""
    await api.submit(b"entry")

    async def broken(*_: object, **__: object) -> None:
        raise CorruptStore("a block checksum is wrong")

    monkeypatch.setattr(api.log.reader, "entries", broken)
    answer = await api.get("/entries/0")
    assert (answer.status, answer.code) == (503, "storage_failed")
    assert answer.headers["Retry-After"] == "1"


async def test_large_answers_left_unread_are_bounded_in_sum(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than fits is refused, and let in when the first client is gone."""
    monkeypatch.setattr(largeanswers, "_MOST_BYTES", 16 << 20)
    for _ in range(25):
        await api.submit(b"\n".join([b"x" * 60_000] * 10), headers=NDJSON)
    path = "/tile/entries/000.p/250"
    _, writer = await api.connect()
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    writer.write(b"GET /logs/main%b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
    async with asyncio.timeout(10):
        while not api.unsent_bytes():
            await asyncio.sleep(0.01)
        assert api.unsent_bytes() < 1 << 20
        refused = await api.get(path)
        assert (refused.status, refused.code) == (429, "rate_limited")
        writer.transport.abort()
        while (answer := await api.get(path)).status != 200:
            await asyncio.sleep(0.01)
    assert len(answer.body) == int(answer.headers["Content-Length"]) == 250 * 60_002
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
