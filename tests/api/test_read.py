"""Reading: the checkpoint, tiles, bundles and entries, as strangers fetch them."""

import gzip
import io
from dataclasses import replace

import cbor2
import pytest
from apiserver import NDJSON, Api
from reference.merkle import ReferenceTree

from merklelog.tlog.log import Log
from proofs.checkpoint import open_checkpoint
from proofs.text import parse_base64
from proofs.tiles import decode_bundle

SIZE = 300
ENTRIES = [b"entry %d" % i for i in range(SIZE)]
TILE_CACHE = "public, max-age=31536000, immutable"


@pytest.fixture
async def full(api: Api) -> Api:
    """Return a log of 300 entries: one full tile, and partial ones."""
    await api.submit(b"\n".join(ENTRIES), headers=NDJSON)
    return api


async def test_the_checkpoint_is_the_published_one(full: Api) -> None:
    """A signed note that opens with the log's keys."""
    answer = await full.get("/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body == full.log.published.note
    open_checkpoint(answer.body, full.log.keys.verifiers)


async def test_a_new_log_publishes_size_0(api: Api) -> None:
    """There is a checkpoint from the first moment."""
    signed = open_checkpoint(
        (await api.get("/checkpoint")).body, api.log.keys.verifiers
    )
    assert signed.checkpoint.size == 0


@pytest.mark.parametrize(
    ("path", "start", "end"),
    [
        ("/tile/0/000", 0, 256),
        ("/tile/0/000.p/1", 0, 1),
        ("/tile/0/000.p/255", 0, 255),
        ("/tile/0/001.p/44", 256, 300),
        ("/tile/0/001.p/7", 256, 263),
    ],
)
async def test_leaf_tiles_of_every_width(
    full: Api, path: str, start: int, end: int
) -> None:
    """Any width up to the signed tree is served, by truncation."""
    answer = await full.get(path)
    assert answer.body == b"".join(ReferenceTree(ENTRIES).leaves[start:end])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Cache-Control"] == TILE_CACHE
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_tile_of_level_1_is_the_root_of_a_full_tile(full: Api) -> None:
    """Higher levels hash full tiles only."""
    answer = await full.get("/tile/1/000.p/1")
    assert answer.body == ReferenceTree(ENTRIES[:256]).root(256)


@pytest.mark.parametrize(
    ("path", "start", "end"),
    [
        ("/tile/entries/000", 0, 256),
        ("/tile/entries/000.p/9", 0, 9),
        ("/tile/entries/001.p/44", 256, 300),
    ],
)
async def test_entry_bundles(full: Api, path: str, start: int, end: int) -> None:
    """A bundle holds the entries of the leaf tile."""
    answer = await full.get(path)
    assert decode_bundle(answer.body, end - start) == ENTRIES[start:end]
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers


async def test_a_bundle_is_compressed_where_that_is_accepted(full: Api) -> None:
    """Content-Encoding: gzip, and caches are told."""
    answer = await full.get("/tile/entries/000", Accept_Encoding="br, gzip;q=0.5")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert decode_bundle(gzip.decompress(answer.body), 256) == ENTRIES[:256]


@pytest.mark.parametrize(
    "accept", ["identity", "gzip;q=0", "br", "gzip;q=0.000, *;q=1"]
)
async def test_a_bundle_is_not_compressed_for_those_who_do_not_accept_it(
    full: Api, accept: str
) -> None:
    """A client of identity alone could not read it."""
    answer = await full.get("/tile/entries/000", Accept_Encoding=accept)
    assert "Content-Encoding" not in answer.headers
    assert decode_bundle(answer.body, 256) == ENTRIES[:256]


async def test_hash_tiles_are_never_compressed(full: Api) -> None:
    """Hashes do not compress."""
    answer = await full.get("/tile/0/000", Accept_Encoding="gzip")
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/tile/0/000", "/tile/entries/000", "/checkpoint"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_head_has_the_headers_of_get(full: Api, path: str, coding: str) -> None:
    """HEAD answers what GET would, without the body."""
    get = await full.get(path, Accept_Encoding=coding)
    head = await full.request("HEAD", path, headers={"Accept-Encoding": coding})
    assert head.body == b""
    ignored = {"Date"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in get.headers.items() if k not in ignored
    }


async def test_a_range_request_gets_the_whole_tile(full: Api) -> None:
    """Ranges are not served, and a server may ignore the header (RFC 9110 14.2)."""
    answer = await full.get("/tile/0/000", Range="bytes=0-31")
    assert (answer.status, len(answer.body)) == (200, 8192)


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/01",
        "/tile/0/000.p/-1",
        "/tile/0/000.p/",
        "/tile/0/000.p",
        "/tile/0/x000/001",
        "/tile/0/1",
        "/tile/0/0001",
        "/tile/0/00",
        "/tile/0/0000",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/-1/000",
        "/tile/0/000/",
        "/tile/0/000.p/1/",
        "/tile/0//000",
        "/tile//0/000",
        "/tile/0%2F000",
        "/tile/0/000%2Ep/1",
        "/tile/%30/000",
        "/tile/0/%2e%2e/0/000",
        "/tile/0/../0/000",
        "/tile/../checkpoint",
        "/tile/%2e%2e/checkpoint",
        "/tile/0/000?x=1",
        "/tile/Entries/000",
        "/tile/entries",
        "/tile/entries/",
        "/tile/",
        "/tile",
        "/tile/0/001",
        "/tile/0/001.p/45",
        "/tile/0/002.p/1",
        "/tile/1/000",
        "/tile/1/000.p/2",
        "/tile/2/000.p/1",
        "/tile/63/000.p/1",
        "/tile/entries/001",
        "/tile/entries/001.p/45",
        "/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ],
)
async def test_a_path_that_names_no_tile(full: Api, path: str) -> None:
    """404, and nobody caches it: the tile may be there a moment later."""
    answer = await full.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert "Cache-Control" not in answer.headers
    assert "Content-Encoding" not in answer.headers


async def test_no_tile_of_what_is_not_signed(
    full: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The width is decided by the signed tree, not by what the store holds."""
    smaller = replace(full.log.head, size=299)
    monkeypatch.setattr(Log, "head", smaller)
    assert (await full.get("/tile/0/001.p/44")).status == 404
    assert (await full.get("/tile/entries/001.p/44")).status == 404
    assert (await full.get("/entries/299")).status == 404
    assert (await full.get("/tile/0/001.p/43")).status == 200


async def test_one_entry(full: Api) -> None:
    """An entry is answered as its bytes."""
    answer = await full.get("/entries/7")
    assert answer.body == ENTRIES[7]
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_entry_beyond_the_tree(full: Api) -> None:
    """404."""
    for index in (SIZE, 10**18):
        answer = await full.get(f"/entries/{index}")
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "index", ["-1", "01", "+1", "1_0", "x", "%31%20", "1.0", "\uff19"]
)
async def test_an_index_that_is_no_number(full: Api, index: str) -> None:
    """One number has one spelling."""
    answer = await full.get(f"/entries/{index}")
    assert (answer.status, answer.code) == (400, "malformed_request")


async def test_a_range_of_entries(full: Api) -> None:
    """Half-open, in base64, with where to go on."""
    answer = (await full.get("/entries?start=10&end=13")).json
    assert answer["start"] == 10
    assert [*map(parse_base64, answer["entries"])] == ENTRIES[10:13]
    assert answer["next"] == 13


async def test_a_range_as_cbor(full: Api) -> None:
    """By Accept: a CBOR sequence of byte strings."""
    answer = await full.get("/entries?start=0&end=300", Accept="application/cbor-seq")
    assert answer.headers["Content-Type"] == "application/cbor-seq"
    assert answer.headers["Vary"] == "Accept"
    stream = io.BytesIO(answer.body)
    assert [cbor2.load(stream) for _ in range(300)] == ENTRIES
    assert stream.read() == b""


async def test_a_range_in_a_format_that_is_not_served(full: Api) -> None:
    """406."""
    answer = await full.get("/entries?start=0&end=1", Accept="text/html")
    assert (answer.status, answer.code) == (406, "not_acceptable")


async def test_a_range_of_a_billion_entries_is_truncated(api: Api) -> None:
    """To 1,000: a range is never refused for its length."""
    await api.submit(b"\n".join(b"x" for _ in range(2500)), headers=NDJSON)
    answer = (await api.get("/entries?start=0&end=1000000000")).json
    assert (len(answer["entries"]), answer["next"]) == (1000, 1000)
    answer = (await api.get("/entries?start=2000&end=9000000000000000000")).json
    assert (len(answer["entries"]), answer["next"]) == (500, 2500)


async def test_a_range_of_large_entries_is_truncated_by_bytes(api: Api) -> None:
    """A page of entries is bounded in memory too, and never empty."""
    for _ in range(20):
        lines = b"\n".join(b"x" * 60_000 for _ in range(15))
        assert (await api.submit(lines, headers=NDJSON)).status == 201
    answer = (await api.get("/entries?start=0&end=300")).json
    assert 0 < len(answer["entries"]) < 300
    assert answer["next"] == len(answer["entries"])


async def test_following_next_reads_the_whole_log(full: Api) -> None:
    """Next is where the next request begins; at the end it gets nothing more."""
    entries: list[str] = []
    start = 0
    while True:
        page = (await full.get(f"/entries?start={start}")).json
        if not page["entries"]:
            break
        entries += page["entries"]
        start = page["next"]
    assert [*map(parse_base64, entries)] == ENTRIES


async def test_a_range_that_begins_beyond_the_tree(full: Api) -> None:
    """404."""
    answer = await full.get("/entries?start=301&end=302")
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "start=2&end=1",
        "start=-1",
        "start=1e3",
        "start=9223372036854775808",
        "start=1&start=1",
        "begin=1",
        "start=",
    ],
)
async def test_a_malformed_range(full: Api, query: str) -> None:
    """400, by name."""
    answer = await full.get(f"/entries?{query}")
    assert (answer.status, answer.code) == (400, "malformed_request")


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/000", "/entries/0", "//logs"])
async def test_public_reads_are_for_every_origin(full: Api, path: str) -> None:
    """Any page may check the log."""
    answer = await full.get(path)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_errors_of_public_reads_are_for_every_origin(full: Api) -> None:
    """A page can tell a missing tile from a broken network."""
    answer = await full.get("/tile/0/999")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_answers_to_submissions_are_not_for_other_origins(api: Api) -> None:
    """Reading is public, writing is not."""
    answer = await api.submit(b"entry")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/addenda.v1", "/addenda/ab/cd/abcd", "/events/0", "/pages", "//logs/"]
)
async def test_what_an_opaque_log_does_not_have(full: Api, path: str) -> None:
    """404, as a problem document."""
    answer = await full.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_log_that_does_not_exist(api: Api) -> None:
    """Every route of an unknown log is 404."""
    for path in (
        "checkpoint",
        "tile/0/000",
        "entries",
        "keys",
        "tail",
        "ct/v1/get-sth",
    ):
        answer = await api.get(f"//logs/other/{path}")
        assert (answer.status, answer.code) == (404, "not_found")
