"""Idempotency keys over HTTP: sent twice, appended once."""

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest
from apiserver import BYTES, NDJSON, Api

from merklelog.api import answers
from merklelog.errors import StorageFailed
from merklelog.tlog.head import Head
from proofs.receipt import Receipt, parse_receipt


def key(text: str, headers: Mapping[str, str] = BYTES) -> dict[str, str]:
    return {**headers, "Idempotency-Key": text}


async def test_a_repetition_has_the_first_index(api: Api) -> None:
    """The second request appends nothing, and says so by its status."""
    first = await api.submit(b"entry", headers=key("k"))
    await api.submit(b"other")
    second = await api.submit(b"entry", headers=key("k"))
    assert (first.status, second.status) == (201, 200)
    assert first.json["index"] == second.json["index"] == 0
    assert second.headers["Location"] == "/logs/main/entries/0"
    assert api.log.head.size == 2


async def test_a_repetition_has_a_receipt_that_verifies(api: Api) -> None:
    """The proof of a replay may be newer, under the newest checkpoint."""
    await api.submit(b"entry", headers=key("k"))
    await api.submit(b"other")
    receipt = parse_receipt((await api.submit(b"entry", headers=key("k"))).body)
    assert receipt == await api.log.reader.receipt(0, api.log.head)


async def test_other_content_under_a_used_key_is_refused(api: Api) -> None:
    """A key names one content for ever."""
    await api.submit(b"entry", headers=key("k"))
    answer = await api.submit(b"another", headers=key("k"))
    assert (answer.status, answer.code) == (409, "idempotency_conflict")
    assert api.log.head.size == 1


async def test_concurrent_repetitions_append_once(api: Api) -> None:
    """A key that is still in the pool makes the second request wait for that commit."""
    answers = await asyncio.gather(
        *(api.submit(b"entry", headers=key("k")) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert {answer.json["index"] for answer in answers} == {0}
    assert api.log.head.size == 1


async def test_a_repeated_batch(api: Api) -> None:
    """The key of a batch covers its ordered list."""
    body = b"a\nb\nc\n"
    await api.submit(body, headers=key("k", NDJSON))
    again = await api.submit(body, "?leaf_hashes=true", key("k", NDJSON))
    assert again.status == 200
    assert (again.json["first_index"], again.json["duplicates"]) == (0, 3)
    assert len(again.json["leaf_hashes"]) == 3
    other = await api.submit(b"b\na\nc\n", headers=key("k", NDJSON))
    assert other.code == "idempotency_conflict"


async def test_full_receipts_of_a_repeated_batch(api: Api) -> None:
    """A replay answers in the same shape as the first time."""
    body = b"a\nb\n"
    for query in ("?receipt=full", "?receipt=full&wait=sequenced", "?receipt=none"):
        first = await api.submit(body, query, key(f"k{query}", NDJSON))
        again = await api.submit(body, query, key(f"k{query}", NDJSON))
        assert (first.status, again.status) == (201, 200)
        assert first.json == again.json


async def test_a_store_that_fails_between_receipts_breaks_the_answer_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has begun as 200: neither a second answer nor a proper end follows."""
    body = b"a\nb\nc\n"
    await api.submit(body, headers=key("k", NDJSON))
    receipt = api.log.reader.receipt

    async def fail_at_last(index: int, head: Head) -> Receipt:
        if index == 2:
            raise StorageFailed("the store has failed")
        return await receipt(index, head)

    monkeypatch.setattr(answers, "_PAGE", 2)
    monkeypatch.setattr(api.log.reader, "receipt", fail_at_last)
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.submit(body, "?receipt=full", key("k", NDJSON))


async def test_add_takes_a_key_too(api: Api) -> None:
    """The index of a repetition is the first."""
    for _ in range(2):
        answer = await api.request("POST", "/add", b"entry", key("k"))
        assert (answer.status, answer.body) == (200, b"0")


@pytest.mark.parametrize("text", ["k", "k" * 255, "a b", '"quoted"', "~!@#$%^&*()"])
async def test_a_printable_key_is_taken(api: Api, text: str) -> None:
    """Any printable ASCII, up to 255 characters."""
    assert (await api.submit(b"entry", headers=key(text))).status == 201


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"Idempotency-Key:\r\n", id="empty"),
        pytest.param(b"Idempotency-Key: " + b"k" * 256 + b"\r\n", id="too long"),
        pytest.param(b"Idempotency-Key: k\xc3\xa4\r\n", id="not ASCII"),
        pytest.param(b"Idempotency-Key: a\tb\r\n", id="a tab"),
        pytest.param(b"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", id="twice"),
    ],
)
async def test_a_malformed_key_is_refused(api: Api, header: bytes) -> None:
    """A key that cannot be one refuses the request, and is not ignored."""
    answer = await api.raw(
        b"POST /logs/main/entries HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Length: 5\r\n" + header + b"\r\nhello"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"malformed_request"' in answer
    assert api.log.head.size == 0
