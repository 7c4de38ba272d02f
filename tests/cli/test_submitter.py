"""Batches, their encoding, and retries that cannot double."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import cbor2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from merklelog.client import submit as submit_module
from merklelog.client.errors import BadAnswer, ServerProblem, Unreachable
from merklelog.client.http import LogClient
from merklelog.client.submit import (
    MAX_BATCH_BYTES,
    Accepted,
    Submitter,
    batches,
    encode_batch,
)
from proofs.hashing import leaf_hash
from proofs.text import format_base64


class FakeLog:
    """A server that appends, and misbehaves first as *misbehaviour* says."""

    def __init__(self, *misbehaviour: str) -> None:
        self.entries: list[bytes] = []
        self.keys: dict[str, int] = {}
        self._misbehaviour = list(misbehaviour)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Answer one batch of NDJSON."""
        step = self._misbehaviour.pop(0) if self._misbehaviour else ""
        if step == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if step.startswith(("4", "5")):
            problem = {"code": step[4:], "detail": "no"}
            return web.json_response(problem, status=int(step[:3]))
        key = request.headers["Idempotency-Key"]
        entries = (await request.read()).removesuffix(b"\n").split(b"\n")
        status = 200 if key in self.keys else 201
        first = self.keys.setdefault(key, len(self.entries))
        if status == 201:
            self.entries += entries
        if step == "drop after":
            assert request.transport is not None
            request.transport.abort()
        answer: dict[str, Any] = {"count": len(entries), "first_index": first}
        if step == "miscount":
            answer["count"] += 1
        if request.query["receipt"] == "full":
            wrong = b"x" if step == "wrong receipts" else b""
            answer["receipts"] = [
                {"index": i, "leaf_hash": format_base64(leaf_hash(entry + wrong))}
                for i, entry in enumerate(entries, first)
            ]
        return web.json_response(answer, status=status)


async def run(
    log: FakeLog,
    records: Iterable[bytes],
    **options: Any,  # noqa: ANN401 - the Submitter's own
) -> list[Accepted]:
    """Submit *records* to *log*; return what was accepted."""
    app = web.Application()
    app.router.add_post("/logs/main/entries", log.submit)
    async with (
        TestServer(app) as server,
        LogClient(str(server.make_url("/logs/main"))) as client,
    ):
        submitter = Submitter(client, **options)
        return [accepted async for accepted in submitter.submit(records)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_module, "_FIRST_DELAY", 0.001)
    monkeypatch.setattr(submit_module, "MAX_BATCH_ENTRIES", 2)


async def test_records_arrive_in_order() -> None:
    """Batches are sent one after the other by default."""
    log = FakeLog()
    records = [b"%d" % i for i in range(7)]

    accepted = await run(log, records)

    assert records == log.entries
    assert [one.first_index for one in accepted] == [0, 2, 4, 6]


async def test_answers_come_in_the_order_of_the_records() -> None:
    """Also when several batches are in flight."""
    records = [b"%d" % i for i in range(9)]

    accepted = await run(FakeLog(), records, concurrency=4)

    assert records == [entry for one in accepted for entry in one.batch.entries]


@pytest.mark.parametrize(
    "step",
    ["drop", "drop after", "503 pool_full", "503 storage_failed", "429 rate_limited"],
)
async def test_retries_do_not_double(step: str) -> None:
    """A batch whose answer was lost is sent again, and is in the log once."""
    log = FakeLog(step, step)
    reasons: list[str] = []

    accepted = await run(log, [b"1", b"2", b"3"], on_retry=reasons.append)

    assert log.entries == [b"1", b"2", b"3"]
    assert (step == "drop after") == accepted[0].duplicate
    assert len(reasons) >= 1


async def test_a_refusal_ends_the_run() -> None:
    """What the server refuses for good is not tried again."""
    log = FakeLog("", "410 log_read_only")

    with pytest.raises(ServerProblem, match="log_read_only"):
        await run(log, [b"1", b"2", b"3"])

    assert log.entries == [b"1", b"2"]


async def test_patience_ends() -> None:
    """A server that stays away is reported, not waited for."""
    with pytest.raises(Unreachable):
        await run(FakeLog(*["drop"] * 100), [b"1"], patience=0.05)


async def test_receipts_are_those_of_the_records() -> None:
    """Receipts for other entries are refused."""
    with pytest.raises(BadAnswer, match="not those of the records"):
        await run(FakeLog("wrong receipts"), [b"1"], receipts=True)


async def test_a_miscount_is_refused() -> None:
    """An answer that counts other than what was sent is no acknowledgement."""
    with pytest.raises(BadAnswer, match="counts 2"):
        await run(FakeLog("miscount"), [b"1"])


def test_batches_are_bounded_in_bytes() -> None:
    """A batch of large records ends early."""
    record = b"x" * (MAX_BATCH_BYTES // 2 + 1)

    assert [batch.first for batch in batches([record, record])] == [0, 1]


def test_text_goes_as_ndjson() -> None:
    """The common case, one line each."""
    assert encode_batch([b"a", b"b"]) == ("application/x-ndjson", b"a\nb\n")


@pytest.mark.parametrize("odd", [b"\xff", b"two\nlines"])
def test_other_bytes_go_as_cbor(odd: bytes) -> None:
    """What NDJSON cannot carry goes as byte strings of a CBOR sequence."""
    entries = [odd, b"x" * 23, b"x" * 24, b"x" * 255, b"x" * 256, b"x" * 65_535]

    content_type, body = encode_batch(entries)

    assert content_type == "application/cbor-seq"
    assert body == b"".join(cbor2.dumps(entry) for entry in entries)


async def test_cancelling_leaves_no_task_behind() -> None:
    """A consumer that stops early stops the batches in flight."""
    log = FakeLog()
    app = web.Application()
    app.router.add_post("/logs/main/entries", log.submit)
    async with (
        TestServer(app) as server,
        LogClient(str(server.make_url("/logs/main"))) as client,
    ):
        submitted: AsyncIterator[Accepted] = Submitter(client, concurrency=4).submit(
            b"%d" % i for i in range(100)
        )
        await anext(submitted)
        await submitted.aclose()  # type: ignore[attr-defined]  # it is a generator

        running = [task.get_coro() for task in asyncio.all_tasks()]
        assert not [one for one in running if "_submit_batch" in repr(one)]
