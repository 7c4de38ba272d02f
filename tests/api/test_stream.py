"""The live stream: it resumes, and a slow reader costs nobody anything."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from apiserver import NDJSON, Api

from merklelog.api import tail
from merklelog.api.state import STOPPING, TAILS
from merklelog.errors import StorageFailed
from proofs.hashing import leaf_hash
from proofs.text import format_base64


@asynccontextmanager
async def stream(
    api: Api, query: str = "", header: bytes = b""
) -> AsyncIterator[asyncio.StreamReader]:
    """Open the stream; give it after the head of its answer."""
    reader, writer = await api.connect()
    writer.write(
        b"GET /logs/main/tail%b HTTP/1.1\r\nHost: x\r\n%b\r\n"
        % (query.encode(), header)
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Type: text/event-stream" in head
    try:
        yield reader
    finally:
        writer.close()


async def next_event(reader: asyncio.StreamReader) -> dict[str, str]:
    """Return the fields of the next event, skipping comments, retry and chunk sizes."""
    fields: dict[str, str] = {}
    while True:
        line = (await asyncio.wait_for(reader.readline(), 5)).decode()
        if not line:
            raise EOFError
        name, colon, value = line.rstrip("\n").partition(": ")
        if colon and name in {"event", "id", "data"}:
            fields[name] = value
        elif line == "\n" and "data" in fields:
            return fields


async def indexes(reader: asyncio.StreamReader, count: int) -> list[int]:
    return [int((await next_event(reader))["id"]) for _ in range(count)]


async def test_an_event_holds_the_entry(api: Api) -> None:
    """Index, leaf hash and entry; the id is the index."""
    await api.submit(b"entry")
    async with stream(api, "?from=0") as reader:
        event = await next_event(reader)
    assert (event["event"], event["id"]) == ("entry", "0")
    assert json.loads(event["data"]) == {
        "index": 0,
        "leaf_hash": format_base64(leaf_hash(b"entry")),
        "entry": base64.b64encode(b"entry").decode(),
    }


async def test_entries_arrive_as_they_are_committed(api: Api) -> None:
    """What is there first, and then what comes."""
    await api.submit(b"first")
    async with stream(api, "?from=0") as reader:
        assert await indexes(reader, 1) == [0]
        await api.submit(b"second")
        await api.submit(b"third")
        assert await indexes(reader, 2) == [1, 2]


async def test_without_from_it_begins_now(api: Api) -> None:
    """Only what comes from now on."""
    await api.submit(b"before")
    async with stream(api) as reader:
        await api.submit(b"after")
        assert await indexes(reader, 1) == [1]


async def test_from_is_inclusive(api: Api) -> None:
    """And more than a page is a page after a page."""
    await api.submit(b"\n".join(b"%d" % i for i in range(100)), headers=NDJSON)
    async with stream(api, "?from=7") as reader:
        assert await indexes(reader, 93) == list(range(7, 100))


async def test_last_event_id_resumes_after_it(api: Api) -> None:
    """It goes before from, which a reconnecting browser repeats."""
    await api.submit(b"a\nb\nc\nd", headers=NDJSON)
    async with stream(api, "?from=0", b"Last-Event-ID: 1\r\n") as reader:
        assert await indexes(reader, 2) == [2, 3]


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("?from=2", {}, "not_found"),
        ("?from=x", {}, "malformed_request"),
        ("?form=0", {}, "malformed_request"),
        ("", {"Last-Event-ID": "1"}, "not_found"),
        ("", {"Last-Event-ID": "one"}, "malformed_request"),
        ("", {"Last-Event-ID": "-1"}, "malformed_request"),
    ],
)
async def test_a_stream_that_cannot_begin(
    api: Api, query: str, headers: dict[str, str], code: str
) -> None:
    """Refused before the stream starts."""
    await api.submit(b"entry")
    answer = await api.request("GET", f"/tail{query}", headers=headers)
    assert answer.code == code


async def test_a_stream_may_begin_at_the_end(api: Api) -> None:
    """The index of the next entry is no error: it is what a follower waits for."""
    await api.submit(b"entry")
    async with stream(api, "?from=1") as reader:
        await api.submit(b"next")
        assert await indexes(reader, 1) == [1]


async def test_a_quiet_stream_shows_that_it_lives(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments keep proxies and clients from giving up."""
    monkeypatch.setattr(tail, "_HEARTBEAT", 0.05)
    async with stream(api) as reader:
        assert b": still here\n" in await asyncio.wait_for(
            reader.readuntil(b"still here\n"), 5
        )


async def test_a_slow_reader_is_cut_off_and_holds_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Appending goes on at once; the stream ends, and its place is free."""
    monkeypatch.setattr(tail, "_WRITE_TIMEOUT", 0.5)
    lines = b"\n".join(b"x" * 60_000 for _ in range(16))
    async with stream(api, "?from=0"):
        for _ in range(25):
            answer = await asyncio.wait_for(api.submit(lines, headers=NDJSON), 5)
            assert answer.status == 201
        assert len(api.app[TAILS]) == 1
        async with asyncio.timeout(10):
            while api.app[TAILS]:
                await asyncio.sleep(0.05)


async def test_a_stream_whose_client_left_is_closed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next heartbeat finds nobody."""
    monkeypatch.setattr(tail, "_HEARTBEAT", 0.05)
    async with stream(api):
        assert len(api.app[TAILS]) == 1
    async with asyncio.timeout(5):
        while api.app[TAILS]:
            await asyncio.sleep(0.02)


async def test_the_number_of_streams_is_bounded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than there may be: 429, and when to come back."""
    monkeypatch.setattr(tail, "_MOST_STREAMS", 1)
    async with stream(api):
        answer = await api.get("/tail")
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_streams_end_when_the_server_stops(api: Api) -> None:
    """An endless answer does not hold up a shutdown."""
    async with stream(api) as reader:
        api.app[STOPPING].set()
        with pytest.raises(EOFError):
            await asyncio.wait_for(_read_to_end(reader), 5)


async def test_a_store_that_fails_breaks_the_stream_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second answer stands in the stream, and no last chunk makes it look whole."""
    await api.submit(b"before")
    async with stream(api, "?from=0") as reader:
        assert await indexes(reader, 1) == [0]
        monkeypatch.setattr(api.log.reader, "entries", fail_to_read)
        await api.submit(b"after")
        rest = await asyncio.wait_for(reader.read(), 5)
    assert rest.strip() == b""


async def fail_to_read(*_range: int) -> list[bytes]:
    raise StorageFailed("the store has failed")


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    while line := await reader.readline():
        if line == b"0\r\n":  # The last chunk: ended in order, not cut off.
            raise EOFError
