"""The two ways into the server give one answer, and both keep the rules of HTTP/1.1."""

import asyncio
import re
import socket
from collections.abc import Sequence

import pytest
from apiserver import BYTES, NDJSON, Api

from merklelog.api import front
from merklelog.api.fronttable import Route
from merklelog.tlog.commitment import Commitment

ENTRIES = b"POST /logs/main/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"


def pause_reading(writer: asyncio.StreamWriter) -> None:
    """Be a client that does not read."""
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()


def resume_reading(writer: asyncio.StreamWriter) -> None:
    """Read again."""
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.resume_reading()


def comparable(headers: object) -> dict[str, str]:
    """Return headers without what differs between any two answers."""
    pairs = dict(headers.items())  # type: ignore[attr-defined]
    return {
        name: re.sub(r"\d+$", "N", value)
        for name, value in sorted(pairs.items())
        if name not in {"Date", "Content-Length"}
    }


@pytest.mark.parametrize(
    ("plain", "through_the_application"),
    [("/entries", "/entries?receipt=full"), ("/add", "/add?")],
)
async def test_both_ways_answer_alike(
    api: Api, plain: str, through_the_application: str
) -> None:
    """A query that says the default goes to the application; nobody can tell."""
    await api.submit(b"before")
    first = await api.request("POST", plain, b"entry")
    # An Idempotency-Key is what the table never answers.
    second = await api.request(
        "POST",
        through_the_application.rstrip("?"),
        b"entry",
        {"Idempotency-Key": plain, "Content-Type": "application/octet-stream"},
    )
    assert first.status == second.status
    assert comparable(first.headers) == comparable(second.headers)


@pytest.mark.parametrize("path", ["/entries", "/add"])
async def test_a_plain_submission_is_answered_by_the_table(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Or all the comparisons would compare the application with itself."""
    answered = []
    response = Route.response

    def spy(route: Route, commitment: Commitment) -> bytes:
        answered.append(route.pattern)
        return response(route, commitment)

    monkeypatch.setattr(Route, "response", spy)
    await api.request("POST", path, b"entry", BYTES)
    assert answered == [f"/logs/{{log}}{path}"]


async def test_a_connection_is_not_idle_while_its_commit_is_slow(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that stalls for longer than the keep-alive time costs no answer."""
    monkeypatch.setattr(front, "_KEEPALIVE_TIMEOUT", 0.05)
    stalled: asyncio.Future[Commitment] = asyncio.get_running_loop().create_future()
    with monkeypatch.context() as patch:
        patch.setattr(api.log, "submit", lambda _entries: stalled)
        reader, writer = await api.connect()
        writer.write(ENTRIES + b"\r\nhello")
        await asyncio.sleep(0.3)
    stalled.set_result(await api.log.add([b"hello"]))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    """RFC 9112 section 9.3.2, also where both ways alternate."""
    plain = ENTRIES.replace(b"/entries", b"/add") + b"\r\nhello"
    other = plain.replace(b"/add", b"/add?nonsense=1")
    last = plain.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = await api.raw(plain + plain + other + plain + last)
    statuses = re.findall(rb"HTTP/1.1 (\d\d\d)", answer)
    assert statuses == [b"200", b"200", b"400", b"200", b"200"]
    assert re.findall(rb"\r\n\r\n(\d)(?:HTTP|$)", answer) == [b"0", b"1", b"2", b"3"]


async def test_a_request_in_pieces(api: Api) -> None:
    """However TCP cuts a request, it is one entry."""
    reader, writer = await api.connect()
    for byte in ENTRIES + b"\r\nhello":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()
    assert (await api.get("/entries/0")).body == b"hello"


async def test_a_chunked_body_is_one_entry(api: Api) -> None:
    """The framing is not part of the entry."""
    head = ENTRIES.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")
    body = b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"
    reader, writer = await api.connect()
    writer.write(head + b"\r\n" + body)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()
    assert (await api.get("/entries/0")).body == b"hello"


async def test_connection_close_is_kept(api: Api) -> None:
    """The server closes when it is asked to."""
    answer = await api.raw(ENTRIES + b"Connection: close\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"Connection: close" in answer


async def test_http_1_0_is_answered_and_closed(api: Api) -> None:
    """An old client gets an old answer."""
    request = ENTRIES.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\nhello"
    answer = await api.raw(request)
    assert answer.startswith(b"HTTP/1.0 201 ")
    assert b"hunked" not in answer


async def test_an_absolute_target_is_the_same_resource(api: Api) -> None:
    """RFC 9112 section 3.2.2."""
    target = f"{api.url}/logs/main/entries".encode()
    request = ENTRIES.replace(b"/logs/main/entries", target)
    answer = await api.raw(request + b"Connection: close\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_both_ways_are_measured(api: Api) -> None:
    """merklelog_request_seconds counts every request under its route."""
    await api.submit(b"entry")
    await api.submit(b"entry", "?receipt=full")
    await api.request("POST", "/add", b"entry")
    await api.get("/entries/0")
    await api.get("/entries/1")
    await api.get("//nowhere/at/all")
    text = (await api.get("//metrics")).body.decode()

    def count(method: str, route: str, status: int, log: str = "main") -> float:
        labels = f'log="{log}",method="{method}",route="{route}",status="{status}"'
        (line,) = re.findall(
            rf"^merklelog_request_seconds_count{{{re.escape(labels)}}} (.+)$",
            text,
            re.MULTILINE,
        )
        return float(line)

    assert count("POST", "/logs/{log}/entries", 201) == 2
    assert count("POST", "/logs/{log}/add", 200) == 1
    assert count("GET", "/logs/{log}/entries/{index}", 200) == 2
    assert count("GET", "unmatched", 404, log="") == 1


async def test_clients_cannot_make_up_label_values(api: Api) -> None:
    """Neither paths, nor log names, nor methods become time series."""
    for i, method in enumerate(("PROPFIND", "LOCK", "PURGE")):
        await api.request(method, "/entries")
        await api.get(f"//logs/log{i}/checkpoint")
    text = (await api.get("//metrics")).body.decode()
    assert "LOCK" not in text
    assert "log1" not in text


async def test_an_answer_is_not_given_to_a_client_that_left(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The entry is in the log all the same: the outcome was unknown to the client."""
    # What the front waits for, until the client is gone.
    held: asyncio.Future[Commitment] = asyncio.get_running_loop().create_future()
    taken: list[asyncio.Future[Commitment]] = []
    submit = api.log.submit

    def hold(entries: Sequence[bytes]) -> asyncio.Future[Commitment]:
        taken.append(submit(entries))
        return held

    monkeypatch.setattr(api.log, "submit", hold)
    _, writer = await api.connect()
    writer.write(ENTRIES + b"\r\nhello")
    async with asyncio.timeout(5):
        while not taken:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while api.transports():
            await asyncio.sleep(0.01)
        held.set_result(await taken[0])
    assert (await api.get("/entries/0")).body == b"hello"
    assert not caplog.records


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ENTRIES + b"\r\nhello", id="the table"),
        pytest.param(
            b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", id="the application"
        ),
    ],
)
async def test_a_client_that_pipelines_and_never_reads_holds_no_memory(
    api: Api, request_: bytes
) -> None:
    """The server stops answering when its answers are not taken."""
    _, writer = await api.connect()
    pause_reading(writer)
    most = 0
    for _ in range(300):
        if writer.transport.get_write_buffer_size() < 1 << 16:
            writer.write(request_ * 100)
        # The server shares this loop: let it answer what it will.
        for _ in range(10):
            await asyncio.sleep(0.001)
        most = max(most, api.unsent_bytes())
    writer.transport.abort()
    assert most < 1 << 20


async def test_a_client_that_never_reads_is_cut_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is not taken does not hold its connection for ever."""
    monkeypatch.setattr(front, "_WRITE_TIMEOUT", 0.3)
    for _ in range(4):
        await api.submit(b"\n".join(b"x" * 60_000 for _ in range(16)), headers=NDJSON)
    _, writer = await api.connect()
    pause_reading(writer)
    writer.write(b"GET /logs/main/entries HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
    async with asyncio.timeout(10):
        while not api.unsent_bytes():
            await asyncio.sleep(0.01)
        while api.unsent_bytes():
            await asyncio.sleep(0.01)
    writer.close()


async def test_a_client_that_reads_again_is_answered(api: Api) -> None:
    """What was left in the queue is answered once there is room."""
    count = 800
    reader, writer = await api.connect()
    for connection in (writer.transport, *api.transports()):
        # The kernel's buffers would hide that nobody reads.
        end = connection.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    pause_reading(writer)
    writer.write((ENTRIES + b"\r\nhello") * count)
    while api.unsent_bytes() < 1 << 16:
        await asyncio.sleep(0.01)
    assert api.log.head.size < count
    resume_reading(writer)
    for _ in range(count):
        await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 201 Created"), 10)
    writer.close()
    assert api.log.head.size == count
