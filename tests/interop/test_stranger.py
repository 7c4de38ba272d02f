"""A client that was written from the documents alone finds what they promise."""

import ast
import json
import random
from collections.abc import Sequence
from gzip import decompress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from interop.conftest import Serve, Served
from interop.stranger import (
    Head,
    base64,
    cbor_sequence,
    check_consistency,
    leaf_hash,
    open_checkpoint,
    open_tree_head,
    read_tlog_proof,
    root_of_inclusion,
    split_bundle,
    tree_hash,
    unbase64,
)

# Commits of these sizes: single entries, and batches across the edge of a tile.
COMMITS = (1, 1, 3, 120, 140, 35)
SIZE = sum(COMMITS)


@pytest.fixture(scope="module")
def entries() -> list[bytes]:
    """Entries of all kinds; the first and the third are equal."""
    chance = random.Random(6962)
    made = [chance.randbytes(chance.randint(1, 400)) for _ in range(SIZE)]
    made[1] = b"several\nlines\r\n\x00\xff"
    made[2] = made[0]
    made[100] = chance.randbytes(65_535)
    return made


@pytest.fixture(scope="module")
def hashes(entries: list[bytes]) -> list[bytes]:
    """The leaf hash of each entry."""
    return [leaf_hash(entry) for entry in entries]


@pytest.fixture(scope="module")
def log(
    serve: Serve, entries: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> Served:
    """A log with *entries*, which nobody adds to."""
    log = serve(tmp_path_factory.mktemp("log") / "logs")
    start = 0
    for count in COMMITS:
        log.site.append(entries[start : start + count])
        start += count
    return log


@pytest.fixture(scope="module")
def growing(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A log that the tests add to."""
    return serve(tmp_path_factory.mktemp("growing") / "logs")


def unbase64_all(values: Sequence[str]) -> list[bytes]:
    return [unbase64(value) for value in values]


def verify_receipt(receipt: dict[str, Any], entry: bytes, vkey: str) -> Head:
    """Verify a receipt in JSON; return the tree that it is about."""
    assert unbase64(receipt["leaf_hash"]) == leaf_hash(entry)
    head = open_checkpoint(receipt["checkpoint"].encode(), vkey)
    root = root_of_inclusion(
        leaf_hash(entry),
        receipt["index"],
        head.size,
        unbase64_all(receipt["inclusion_proof"]),
    )
    assert root == head.root
    return head


def tree_head_key(log: Served) -> str:
    """Return the PEM of the log's key on P-256."""
    keys = log.site.get("keys").json["keys"]
    (pem,) = [key["pem"] for key in keys if key["jwk"].get("crv") == "P-256"]
    return str(pem)


def test_nothing_here_imports_what_it_tests() -> None:
    for file in ("stranger.py", "test_stranger.py", "conftest.py"):
        source = (Path(__file__).parent / file).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            modules: list[str | None] = []
            if isinstance(node, ast.Import):
                modules = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            packages = {str(module).partition(".")[0] for module in modules}
            assert packages.isdisjoint({"proofs", "merklelog"})


@pytest.mark.parametrize("entry", [b"x", b"{}\n", bytes(range(256)), b"\x00" * 65_535])
def test_a_receipt_is_proof_as_soon_as_it_is_answered(
    growing: Served, entry: bytes
) -> None:
    answer = growing.site.submit(entry)

    assert answer.status == 201
    head = verify_receipt(answer.json, entry, growing.vkey)
    assert head.size == answer.json["index"] + 1
    assert answer.json["origin"] == growing.vkey.partition("+")[0]
    assert answer.json["version"] == 1


def test_every_line_of_a_batch_gets_its_receipt(growing: Served) -> None:
    """Split at LF only: the CR of a line belongs to it."""
    lines = [b'{"a": 1}', '{"b": "é\u2028"}\r'.encode(), b'{"a": 1}', b"no JSON"]

    answer = growing.site.submit(
        b"\n".join(lines) + b"\n", "application/x-ndjson", "?receipt=full"
    )

    assert answer.status == 201
    assert answer.json["count"] == len(lines)
    for line, receipt in zip(lines, answer.json["receipts"], strict=True):
        verify_receipt(receipt, line, growing.vkey)
    indexes = [receipt["index"] for receipt in answer.json["receipts"]]
    assert indexes == list(range(indexes[0], indexes[0] + len(lines)))


def test_a_summary_says_where_a_batch_lies_under_a_signed_root(
    growing: Served,
) -> None:
    batch = [b"one", b"two\nlines", b"\xff"]

    answer = growing.site.submit(cbor_sequence(batch), "application/cbor-seq").json

    head = open_checkpoint(answer["checkpoint"].encode(), growing.vkey)
    first = answer["first_index"]
    assert (answer["count"], first + 3) == (3, head.size)
    for offset, entry in enumerate(batch):
        assert growing.site.get(f"entries/{first + offset}").body == entry


def test_add_answers_the_index_alone(growing: Served) -> None:
    answer = growing.site.request("POST", "add", b"by a load tool")

    assert answer.status == 200
    assert growing.site.get(f"entries/{answer.body.decode()}").body == b"by a load tool"


def test_an_idempotency_key_appends_once(growing: Served) -> None:
    first = growing.site.submit(b"paid", idempotency_key="order 17")
    again = growing.site.submit(b"paid", idempotency_key="order 17")
    other = growing.site.submit(b"paid twice", idempotency_key="order 17")

    assert (first.status, again.status) == (201, 200)
    assert first.json["index"] == again.json["index"]
    verify_receipt(again.json, b"paid", growing.vkey)
    assert (other.status, other.json["code"]) == (409, "idempotency_conflict")


def test_one_bad_line_refuses_the_batch_by_its_position(growing: Served) -> None:
    before = growing.site.get("entries").json["next"]

    answer = growing.site.submit(b"good\n\nbetter\n", "application/x-ndjson")

    assert (answer.status, answer.json["code"]) == (400, "malformed_entry")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.dumps(answer.json).count('"position": 1') == 1
    assert growing.site.get("entries").json["next"] == before


def test_the_checkpoint_is_that_of_the_entries(
    log: Served, hashes: list[bytes]
) -> None:
    checkpoint = log.site.get("checkpoint")

    assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert open_checkpoint(checkpoint.body, log.vkey) == Head(SIZE, tree_hash(hashes))


def test_the_keys_are_those_that_the_operator_handed_out(log: Served) -> None:
    assert log.vkey in [key["vkey"] for key in log.site.get("keys").json["keys"]]


def test_bundles_hold_the_entries_and_tiles_their_hashes(
    log: Served, entries: list[bytes], hashes: list[bytes]
) -> None:
    """And the tile of the next level the hash of the full one."""
    for place, start, end in (("000", 0, 256), (f"001.p/{SIZE - 256}", 256, SIZE)):
        bundle = log.site.get(f"tile/entries/{place}")
        assert split_bundle(bundle.body) == entries[start:end]
        tile = log.site.get(f"tile/0/{place}")
        assert tile.body == b"".join(hashes[start:end])
        assert "immutable" in tile.headers["Cache-Control"]
    assert log.site.get("tile/1/000.p/1").body == tree_hash(hashes[:256])
    packed = log.site.get("tile/entries/000", accept_encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert split_bundle(decompress(packed.body)) == entries[:256]


def test_pages_of_entries_cover_the_log(log: Served, entries: list[bytes]) -> None:
    read: list[bytes] = []
    while len(read) < SIZE:
        page = log.site.get(f"entries?start={len(read)}&end={len(read) + 77}").json
        assert page["start"] == len(read)
        read += unbase64_all(page["entries"])
        assert page["next"] == len(read)

    assert read == entries
    sequence = log.site.get("entries?start=90&end=110", accept="application/cbor-seq")
    assert sequence.body == cbor_sequence(entries[90:110])


@pytest.mark.parametrize("size", [1, 2, 5, 125, 256, 257, SIZE])
def test_every_entry_is_proven_at_every_size_asked_for(
    log: Served, hashes: list[bytes], size: int
) -> None:
    root = tree_hash(hashes[:size])
    for index in range(0, size, 7):
        proof = log.site.get(f"proofs/inclusion?index={index}&size={size}").json
        assert (proof["index"], proof["size"]) == (index, size)
        assert unbase64(proof["leaf_hash"]) == hashes[index]
        assert unbase64(proof["root_hash"]) == root
        path = unbase64_all(proof["hashes"])
        assert root_of_inclusion(hashes[index], index, size, path) == root


def test_a_hash_is_found_in_each_spelling_at_its_lowest_index(
    log: Served, hashes: list[bytes]
) -> None:
    """Entry 2 equals entry 0. An unescaped + of base64 arrives as a space."""
    plus = next(i for i, digest in enumerate(hashes) if "+" in base64(digest))
    for index, expected in ((2, 0), (plus, plus)):
        text = base64(hashes[index])
        for spelled in (hashes[index].hex(), quote(text, safe=""), text):
            found = log.site.get(f"proofs/inclusion?hash={spelled}").json
            assert found["index"] == expected


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 5), (125, 265), (256, SIZE)])
def test_sizes_are_consistent(
    log: Served, hashes: list[bytes], old: int, new: int
) -> None:
    proof = log.site.get(f"proofs/consistency?from={old}&to={new}").json
    sth = log.site.get(f"ct/v1/get-sth-consistency?first={old}&second={new}").json

    assert (proof["from"], proof["to"]) == (old, new)
    assert sth["consistency"] == proof["hashes"]
    path = unbase64_all(proof["hashes"])
    roots = tree_hash(hashes[:old]), tree_hash(hashes[:new])
    check_consistency(old, new, *roots, path)


@pytest.mark.parametrize("index", [0, 1, 100, 255, 256, SIZE - 1])
def test_receipts_are_given_again_and_lead_from_a_known_tree(
    log: Served, entries: list[bytes], hashes: list[bytes], index: int
) -> None:
    receipt = log.site.get(f"receipts/{index}?known=5").json

    head = verify_receipt(receipt, entries[index], log.vkey)
    consistency = receipt["consistency_proof"]
    assert consistency["from"] == 5
    path = unbase64_all(consistency["hashes"])
    check_consistency(5, head.size, tree_hash(hashes[:5]), head.root, path)


@pytest.mark.parametrize("index", [0, 100, SIZE - 1])
def test_a_tlog_proof_verifies(log: Served, hashes: list[bytes], index: int) -> None:
    by_name = log.site.get(f"receipts/{index}.tlog-proof")
    by_accept = log.site.get(f"receipts/{index}", accept="text/plain")

    assert by_name.body == by_accept.body
    proof = read_tlog_proof(by_name.body)
    head = open_checkpoint(proof.checkpoint, log.vkey)
    assert proof.index == index
    assert root_of_inclusion(hashes[index], index, head.size, proof.hashes) == head.root


def test_the_signed_tree_head_is_that_of_the_checkpoint(log: Served) -> None:
    sth = open_tree_head(log.site.get("ct/v1/get-sth").json, tree_head_key(log))

    assert sth == open_checkpoint(log.site.get("checkpoint").body, log.vkey)


def test_ct_clients_read_and_prove_every_entry(
    log: Served, entries: list[bytes], hashes: list[bytes]
) -> None:
    """get-entries is inclusive; leaf_input is the entry itself."""
    read = log.site.get(f"ct/v1/get-entries?start=0&end={SIZE - 1}").json["entries"]
    assert [unbase64(entry["leaf_input"]) for entry in read] == entries
    assert {entry["extra_data"] for entry in read} == {""}
    root = tree_hash(hashes)
    for index in range(3, SIZE, 5):
        text = quote(base64(hashes[index]), safe="")
        found = log.site.get(f"ct/v1/get-proof-by-hash?hash={text}&tree_size={SIZE}")
        path = unbase64_all(found.json["audit_path"])
        assert found.json["leaf_index"] == index
        assert root_of_inclusion(hashes[index], index, SIZE, path) == root
        both = log.site.get(
            f"ct/v1/get-entry-and-proof?leaf_index={index}&tree_size={SIZE}"
        ).json
        assert unbase64(both["leaf_input"]) == entries[index]
        assert both["audit_path"] == found.json["audit_path"]


def test_the_tail_goes_on_after_the_last_event(
    log: Served, entries: list[bytes], hashes: list[bytes]
) -> None:
    """By from, inclusive, and by Last-Event-ID, exclusive."""
    for query, headers in (
        ("?from=290", {}),
        ("", {"last_event_id": "289"}),
        ("?from=0", {"last_event_id": "289"}),
    ):
        events = log.site.tail(query, count=5, **headers)
        for index, event in enumerate(events, 290):
            assert (event["event"], event["id"]) == ("entry", str(index))
            data = json.loads(event["data"])
            assert data["index"] == index
            assert unbase64(data["leaf_hash"]) == hashes[index]
            assert unbase64(data["entry"]) == entries[index]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"entries/{SIZE}", 404, "not_found"),
        (f"proofs/inclusion?index=0&size={SIZE + 1}", 404, "not_found"),
        (f"proofs/consistency?from=1&to={SIZE + 1}", 404, "not_found"),
        ("proofs/inclusion?index=01", 400, "malformed_request"),
        ("tile/0/001", 404, "not_found"),
        ("tile/0/002.p/1", 404, "not_found"),
        ("receipts/0", 406, "not_acceptable"),
        ("addenda.v1", 404, "not_found"),
        ("no-such-path", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_refused_with_its_code(
    log: Served, path: str, status: int, code: str
) -> None:
    accept = "application/cose" if status == 406 else "*/*"

    answer = log.site.request("GET", path, accept=accept)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "immutable" not in answer.headers.get("Cache-Control", "")
