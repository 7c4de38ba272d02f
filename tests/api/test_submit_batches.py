"""Submitting batches: NDJSON and CBOR sequences, all or nothing."""

import json

import cbor2
import pytest
from apiserver import CBOR, NDJSON, Api, serving

from merklelog.config import ServerConfig
from merklelog.tlog.log import Log
from proofs.hashing import leaf_hash
from proofs.receipt import format_receipt, parse_receipt
from proofs.text import parse_base64


async def entries(api: Api) -> list[bytes]:
    """Return every entry of the log."""
    return await api.log.reader.entries(0, api.log.head.size)


async def test_each_line_is_an_entry(api: Api) -> None:
    """The lines of NDJSON are the entries, in their order."""
    answer = await api.submit(b'{"a":1}\n{"b":2}\n', headers=NDJSON)
    assert answer.status == 201
    assert await entries(api) == [b'{"a":1}', b'{"b":2}']


async def test_lines_are_not_parsed(api: Api) -> None:
    """An opaque log keeps what it is given, JSON or not."""
    await api.submit(b"not json\n {\n", headers=NDJSON)
    assert await entries(api) == [b"not json", b" {"]


async def test_the_last_line_needs_no_newline(api: Api) -> None:
    """One final LF is a terminator, and may be absent."""
    await api.submit(b"a\nb", headers=NDJSON)
    assert await entries(api) == [b"a", b"b"]


async def test_lines_end_at_lf_only(api: Api) -> None:
    """CR, U+2028 and U+0085 stay: other splitters would hash something else."""
    lines = [b"a\r", "b\u2028c\u0085d".encode(), b"e\x0b\x0c\x1cf"]
    await api.submit(b"\n".join(lines) + b"\n", headers=NDJSON)
    assert await entries(api) == lines


async def test_a_batch_answers_a_summary(api: Api) -> None:
    """By default: how many, where, and under which checkpoint."""
    await api.submit(b"before")
    answer = await api.submit(b"a\nb\n", headers=NDJSON)
    assert answer.json == {
        "count": 2,
        "origin": "example.com/audit",
        "first_index": 1,
        "checkpoint": api.log.head.note.decode(),
    }


async def test_a_summary_has_leaf_hashes_on_request(api: Api) -> None:
    """leaf_hashes=true lists them in the order of the entries."""
    answer = await api.submit(b"a\nb\n", "?leaf_hashes=true", NDJSON)
    hashes = [parse_base64(text) for text in answer.json["leaf_hashes"]]
    assert hashes == [leaf_hash(b"a"), leaf_hash(b"b")]


async def test_a_sequenced_summary_has_no_checkpoint(api: Api) -> None:
    """wait=sequenced promises an index and nothing under a signature."""
    answer = await api.submit(b"a\nb\n", "?wait=sequenced", NDJSON)
    assert list(answer.json) == ["count", "origin", "first_index"]


async def test_a_batch_without_receipt(api: Api) -> None:
    """receipt=none is the count alone."""
    answer = await api.submit(b"a\nb\n", "?receipt=none", NDJSON)
    assert answer.json == {"count": 2}


@pytest.mark.parametrize("count", [1, 2, 1023, 1024, 1025, 2500])
async def test_full_receipts_of_a_batch(api: Api, count: int) -> None:
    """receipt=full gives each entry its own, however the answer is cut into pieces."""
    lines = [b"line %d" % i for i in range(count)]
    answer = await api.submit(b"\n".join(lines), "?receipt=full", NDJSON)
    assert (answer.status, answer.json["count"]) == (201, count)
    head = api.log.head
    got = answer.body.removeprefix(b'{"count":%d,"receipts":[' % count)
    expected = [
        format_receipt(await api.log.reader.receipt(index, head))
        for index in range(count)
    ]
    assert got == b",".join(expected) + b"]}"


async def test_sequenced_receipts_of_a_batch(api: Api) -> None:
    """wait=sequenced with receipt=full: the certain part of each."""
    answer = await api.submit(b"a\nb", "?receipt=full&wait=sequenced", NDJSON)
    assert [r["index"] for r in answer.json["receipts"]] == [0, 1]
    assert all("checkpoint" not in r for r in answer.json["receipts"])


async def test_one_bad_line_of_ten_thousand_refuses_all(api: Api) -> None:
    """A batch is all or nothing, and the bad line is named by its position."""
    lines = [b"x"] * 10_000
    lines[7_654] = b""
    answer = await api.submit(b"\n".join(lines), headers=NDJSON)
    assert (answer.status, answer.code) == (400, "malformed_entry")
    assert [bad["position"] for bad in answer.json["entries"]] == [7_654]
    assert api.log.head.size == 0


async def test_every_bad_line_is_named(api: Api) -> None:
    """The error names each bad entry, not the first alone."""
    answer = await api.submit(b"\na\n\n\n", headers=NDJSON)
    assert [bad["position"] for bad in answer.json["entries"]] == [0, 2, 3]


async def test_a_line_that_is_too_long_is_named(api: Api) -> None:
    """An oversize line refuses the batch by its position."""
    body = b"a\n" + bytes(65536).replace(b"\0", b"x") + b"\nb"
    answer = await api.submit(body, headers=NDJSON)
    assert (answer.status, answer.code) == (413, "entry_too_large")
    assert [bad["position"] for bad in answer.json["entries"]] == [1]


async def test_a_line_that_is_not_utf8_is_named(api: Api) -> None:
    """NDJSON is UTF-8, and no replacement character is ever hashed."""
    answer = await api.submit(b"a\n\xff\nb\n\xc3", headers=NDJSON)
    assert (answer.status, answer.code) == (400, "malformed_entry")
    assert [bad["position"] for bad in answer.json["entries"]] == [1, 3]


@pytest.mark.parametrize("headers", [NDJSON, CBOR])
async def test_a_batch_without_entries_is_refused(
    api: Api, headers: dict[str, str]
) -> None:
    """An empty body is a mistake, not a batch of none."""
    answer = await api.submit(b"", headers=headers)
    assert (answer.status, answer.code) == (400, "malformed_entry")


async def test_more_lines_than_a_batch_may_have(log: Log) -> None:
    """The number of entries is limited, and counted before anything is split."""
    async with serving(log, ServerConfig(max_batch_entries=3)) as api:
        assert (await api.submit(b"a\nb\nc\n", headers=NDJSON)).status == 201
        answer = await api.submit(b"a\nb\nc\nd", headers=NDJSON)
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert answer.json["unit"] == "entries"


async def test_each_byte_string_is_an_entry(api: Api) -> None:
    """What another implementation encodes as a CBOR sequence is read as its items."""
    items = [b"a" * n for n in (1, 23, 24, 255, 256, 65535)] + [bytes(range(256))]
    answer = await api.submit(b"".join(map(cbor2.dumps, items)), headers=CBOR)
    assert (answer.status, answer.json["count"]) == (201, len(items))
    assert await entries(api) == items


@pytest.mark.parametrize(
    ("body", "position"),
    [
        pytest.param(b"\x41a\x42b", 1, id="cut short in a string"),
        pytest.param(b"\x41a\x59\x01", 1, id="cut short in a length"),
        pytest.param(b"\x41a\x61b", 1, id="a text string"),
        pytest.param(b"\x01", 0, id="an integer"),
        pytest.param(b"\x81\x41a", 0, id="an array"),
        pytest.param(b"\xc2\x41a", 0, id="a tag"),
        pytest.param(b"\x5f\x41a\xff", 0, id="indefinite length"),
        pytest.param(b"\x58\x01a", 0, id="a length that is not the shortest"),
        pytest.param(b"\x5b\0\0\0\0\0\0\0\x01a", 0, id="a length of eight bytes"),
        pytest.param(b"\x5c", 0, id="a reserved head"),
        pytest.param(b"\x41a\x40", 1, id="an empty string"),
    ],
)
async def test_what_is_no_byte_string_is_named(
    api: Api, body: bytes, position: int
) -> None:
    """Any other CBOR refuses the batch, and allocates nothing on its way."""
    answer = await api.submit(body, headers=CBOR)
    assert (answer.status, answer.code) == (400, "malformed_entry")
    assert [bad["position"] for bad in answer.json["entries"]] == [position]
    assert api.log.head.size == 0


async def test_a_claimed_length_allocates_nothing(api: Api) -> None:
    """A head that promises four gigabytes is a truncated item."""
    answer = await api.submit(b"\x5a\xff\xff\xff\xff", headers=CBOR)
    assert answer.code == "malformed_entry"


async def test_more_items_than_a_batch_may_have(log: Log) -> None:
    """The limit of entries holds for CBOR sequences too."""
    async with serving(log, ServerConfig(max_batch_entries=2)) as api:
        answer = await api.submit(b"\x41a" * 3, headers=CBOR)
        assert (answer.status, answer.code) == (413, "body_too_large")


async def test_a_single_entry_batch_is_a_batch(api: Api) -> None:
    """One line of NDJSON is answered as a batch: the shape follows the media type."""
    answer = await api.submit(b"a\n", headers=NDJSON)
    assert answer.json["count"] == 1
    assert "Location" not in answer.headers


async def test_receipts_of_a_batch_verify(api: Api) -> None:
    """A receipt out of a batch stands alone."""
    answer = await api.submit(b"a\nb\nc\n", "?receipt=full", NDJSON)
    one = json.dumps(answer.json["receipts"][1]).encode()
    assert parse_receipt(one).leaf_hash == leaf_hash(b"b")
