"""Submitting one entry: what is answered, and what is refused."""

import asyncio

import pytest
from apiserver import NDJSON, Api

from proofs.checkpoint import open_checkpoint
from proofs.hashing import leaf_hash
from proofs.merkle import verify_inclusion
from proofs.receipt import Receipt, format_receipt, parse_receipt


def verify(api: Api, receipt: Receipt, entry: bytes) -> None:
    """Verify *receipt* as its holder does: offline, with the entry and the vkeys."""
    signed = open_checkpoint(receipt.checkpoint, api.log.keys.verifiers)
    verify_inclusion(
        index=receipt.index,
        size=signed.checkpoint.size,
        leaf_hash=leaf_hash(entry),
        proof=receipt.inclusion_proof,
        root_hash=signed.checkpoint.root_hash,
    )


async def test_a_receipt_verifies_offline(api: Api) -> None:
    """What is answered to each of many entries proves that entry."""
    for i in range(20):
        entry = b"entry %d" % i
        answer = await api.submit(entry)
        receipt = parse_receipt(answer.body)
        assert (answer.status, receipt.index) == (201, i)
        verify(api, receipt, entry)


async def test_receipts_of_concurrent_submissions_verify(api: Api) -> None:
    """Requests that share a commit each get their own proof."""
    entries = [b"entry %d" % i for i in range(200)]
    answers = await asyncio.gather(*(api.submit(entry) for entry in entries))
    receipts = [parse_receipt(answer.body) for answer in answers]
    for receipt, entry in zip(receipts, entries, strict=True):
        verify(api, receipt, entry)
    assert sorted(receipt.index for receipt in receipts) == list(range(200))


async def test_a_receipt_is_what_the_library_would_write(api: Api) -> None:
    """The template and `format_receipt` agree byte for byte."""
    for i in range(10):
        body = (await api.submit(b"entry %d" % i)).body
        assert format_receipt(parse_receipt(body)) == body


async def test_the_location_is_the_entry(api: Api) -> None:
    """A created entry can be fetched at its Location."""
    await api.submit(b"first")
    location = (await api.submit(b"second")).headers["Location"]
    assert location == "/logs/main/entries/1"
    assert (await api.get(f"/{location}")).body == b"second"


async def test_equal_entries_get_separate_indexes(api: Api) -> None:
    """Without an idempotency key nothing is a repetition."""
    answers = [await api.submit(b"same") for _ in range(2)]
    assert [answer.json["index"] for answer in answers] == [0, 1]


async def test_every_byte_can_be_in_an_entry(api: Api) -> None:
    """Entries are bytes: none is interpreted."""
    entry = bytes(range(256)) + b"\r\n\x00"
    await api.submit(entry)
    assert (await api.get("/entries/0")).body == entry


async def test_the_largest_entry_is_taken(api: Api) -> None:
    """65,535 bytes are an entry."""
    assert (await api.submit(bytes(65535))).status == 201


async def test_an_entry_one_byte_too_large_is_refused(api: Api) -> None:
    """65,536 bytes are not."""
    answer = await api.submit(bytes(65536))
    assert (answer.status, answer.code) == (413, "entry_too_large")


async def test_an_empty_entry_is_refused(api: Api) -> None:
    """An entry has at least one byte."""
    answer = await api.submit(b"")
    assert (answer.status, answer.code) == (400, "malformed_entry")


async def test_sequenced_answers_without_proof_and_checkpoint(api: Api) -> None:
    """wait=sequenced: the index, the hash and the time are certain, nothing else."""
    answer = await api.submit(b"entry", "?wait=sequenced")
    assert answer.status == 201
    assert list(answer.json) == ["version", "origin", "index", "leaf_hash", "logged_at"]


async def test_integrated_is_the_default(api: Api) -> None:
    """wait=integrated says what an absent wait means."""
    answer = await api.submit(b"entry", "?wait=integrated")
    assert "inclusion_proof" in answer.json


async def test_waiting_for_witnesses_without_a_policy_is_refused(api: Api) -> None:
    """wait=witnessed could never be answered; nothing is appended."""
    answer = await api.submit(b"entry", "?wait=witnessed")
    assert (answer.status, answer.code) == (400, "no_witness_policy")
    assert api.log.head.size == 0


async def test_a_summary_of_one_entry(api: Api) -> None:
    """receipt=summary has the facts without the proof."""
    answer = await api.submit(b"entry", "?receipt=summary")
    assert list(answer.json) == ["count", "origin", "first_index", "checkpoint"]


async def test_no_receipt(api: Api) -> None:
    """receipt=none is the count alone."""
    assert (await api.submit(b"entry", "?receipt=none")).json == {"count": 1}


async def test_a_body_without_content_type_is_bytes(api: Api) -> None:
    """RFC 9110 section 8.3: nothing else is known about it."""
    answer = await api.raw(
        b"POST /logs/main/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Connection: close\r\n\r\nhello"
    )
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_a_media_type_is_case_insensitive_and_may_have_parameters(
    api: Api,
) -> None:
    """RFC 9110 section 8.3.1."""
    headers = {"Content-Type": "Application/Octet-Stream; x=y"}
    assert (await api.submit(b"entry", headers=headers)).status == 201


async def test_add_answers_the_index_and_nothing_else(api: Api) -> None:
    """What load tools of the C2SP ecosystem parse."""
    for index in range(3):
        answer = await api.request("POST", "/add", b"entry %d" % index)
        assert (answer.status, answer.body) == (200, b"%d" % index)


async def test_add_takes_any_content_type_for_bytes(api: Api) -> None:
    """Load tools send whatever their HTTP library does."""
    answer = await api.request("POST", "/add", b"a\nb\n", NDJSON)
    assert (answer.status, answer.body) == (200, b"0")
    assert (await api.get("/entries/0")).body == b"a\nb\n"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?wiat=integrated", "wiat"),
        ("?wait=now", "wait"),
        ("?receipt=long", "receipt"),
        ("?receipt=full&receipt=none", "receipt"),
        ("?leaf_hashes=1", "leaf_hashes"),
        ("?timeout=0", "timeout"),
        ("?timeout=301", "timeout"),
        ("?timeout=1_0", "timeout"),
        ("?disclosures=true", "disclosures"),
    ],
)
async def test_a_parameter_that_is_not_understood_is_refused_by_name(
    api: Api, query: str, field: str
) -> None:
    """A misspelled parameter is not one that was not given."""
    answer = await api.submit(b"entry", query)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.json["field"] == field
    assert api.log.head.size == 0


async def test_add_takes_no_parameter(api: Api) -> None:
    """There is nothing to choose."""
    answer = await api.request("POST", "/add?receipt=full", b"entry")
    assert (answer.status, answer.code) == (400, "malformed_request")


async def test_a_log_that_does_not_exist(api: Api) -> None:
    """Submitting to an unknown log creates nothing."""
    answer = await api.request("POST", "//logs/other/entries", b"entry")
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_frozen_log_takes_nothing(api: Api) -> None:
    """A log that was frozen is gone for writers."""
    await api.log.freeze("moved")
    for path in ("/entries", "/add"):
        answer = await api.request("POST", path, b"entry")
        assert (answer.status, answer.code) == (410, "log_read_only")
