"""Proofs and receipts over HTTP: each is checked as a client does."""

import base64

import pytest
from apiserver import Api
from reference.merkle import ReferenceTree

from proofs.checkpoint import open_checkpoint
from proofs.hashing import leaf_hash
from proofs.merkle import verify_consistency, verify_inclusion
from proofs.receipt import parse_receipt
from proofs.text import parse_base64
from proofs.tlogproof import parse_tlog_proof

ENTRIES = [b"entry %d" % i for i in range(50)]


@pytest.fixture
async def grown(api: Api) -> Api:
    """Return a log of 50 entries, all of them published."""
    await api.submit_published(b"\n".join(ENTRIES))
    return api


def hashes(texts: list[str]) -> list[bytes]:
    return [parse_base64(text, length=32) for text in texts]


@pytest.mark.parametrize("size", [8, 33, 50])
async def test_an_inclusion_proof_by_index_verifies(grown: Api, size: int) -> None:
    """In a tree of any size up to the signed one."""
    answer = (await grown.get(f"/proofs/inclusion?index=7&size={size}")).json
    root = ReferenceTree(ENTRIES).root(size)
    assert (answer["index"], answer["size"]) == (7, size)
    assert parse_base64(answer["root_hash"]) == root
    assert parse_base64(answer["leaf_hash"]) == leaf_hash(ENTRIES[7])
    verify_inclusion(
        index=7,
        size=size,
        leaf_hash=leaf_hash(ENTRIES[7]),
        proof=hashes(answer["hashes"]),
        root_hash=root,
    )


@pytest.mark.parametrize("spelling", ["hex", "base64", "escaped", "space"])
async def test_an_inclusion_proof_by_hash(grown: Api, spelling: str) -> None:
    """64 hex digits, or base64 in which an unescaped plus arrives as a space."""
    index = next(
        i
        for i, entry in enumerate(ENTRIES)
        if b"+" in base64.b64encode(leaf_hash(entry))
    )
    digest = leaf_hash(ENTRIES[index])
    text = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode(),
        "escaped": base64.b64encode(digest).decode().replace("+", "%2B"),
        "space": base64.b64encode(digest).decode().replace("+", "%20"),
    }[spelling]
    answer = await grown.get(f"/proofs/inclusion?hash={text}")
    assert answer.json["index"] == index


async def test_a_hash_finds_the_lowest_index_below_the_size(grown: Api) -> None:
    """Of equal entries the first is proven."""
    await grown.submit(ENTRIES[5])
    digest = leaf_hash(ENTRIES[5]).hex()
    assert (await grown.get(f"/proofs/inclusion?hash={digest}")).json["index"] == 5
    answer = await grown.get(f"/proofs/inclusion?hash={digest}&size=5")
    assert (answer.status, answer.code) == (404, "not_found")


async def test_without_size_the_published_tree_is_used(grown: Api) -> None:
    """A proof under the checkpoint that everybody has."""
    await grown.submit(b"newer")
    assert grown.log.published.size == 50
    assert (await grown.get("/proofs/inclusion?index=3")).json["size"] == 50


async def test_beyond_the_published_tree_the_newest_is_used(grown: Api) -> None:
    """An entry that is signed but not published yet is proven all the same."""
    await grown.submit(b"newer")
    assert (await grown.get("/proofs/inclusion?index=50")).json["size"] == 51
    digest = leaf_hash(b"newer").hex()
    assert (await grown.get(f"/proofs/inclusion?hash={digest}")).json["size"] == 51


@pytest.mark.parametrize(
    "query",
    [
        "index=50",
        "index=0&size=51",
        "index=7&size=7",
        "index=0&size=0",
        "index=9223372036854775807",
        "hash=" + "0" * 64,
        "hash=" + "0" * 64 + "&size=51",
    ],
)
async def test_no_inclusion_beyond_the_signed_tree(grown: Api, query: str) -> None:
    """404: there is nothing to prove."""
    answer = await grown.get(f"/proofs/inclusion?{query}")
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "size=5",
        "index=1&hash=" + "0" * 64,
        "index=-1",
        "index=01",
        "index=9223372036854775808",
        "hash=" + "0" * 63,
        "hash=" + "A" * 64,
        "hash=" + "0" * 44,
        "hash=" + "A" * 42 + "B=",
        "index=1&sise=2",
    ],
)
async def test_a_malformed_question_for_inclusion(grown: Api, query: str) -> None:
    """400."""
    answer = await grown.get(f"/proofs/inclusion?{query}")
    assert (answer.status, answer.code) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("old", "new"), [(0, 50), (1, 50), (7, 33), (32, 50), (50, 50)]
)
async def test_a_consistency_proof_verifies(grown: Api, old: int, new: int) -> None:
    """Between any two sizes up to the signed one."""
    answer = (await grown.get(f"/proofs/consistency?from={old}&to={new}")).json
    tree = ReferenceTree(ENTRIES)
    assert (answer["from"], answer["to"]) == (old, new)
    verify_consistency(
        old_size=old,
        new_size=new,
        old_root=tree.root(old),
        new_root=tree.root(new),
        proof=hashes(answer["hashes"]),
    )


async def test_without_to_the_published_size_is_used(grown: Api) -> None:
    """And the newest, where the older size lies beyond it."""
    await grown.submit(b"newer")
    assert (await grown.get("/proofs/consistency?from=7")).json["to"] == 50
    assert (await grown.get("/proofs/consistency?from=51")).json["to"] == 51


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=51", "not_found"),
        ("from=1&to=51", "not_found"),
        ("from=60&to=70", "not_found"),
        ("from=8&to=7", "malformed_request"),
        ("to=7", "malformed_request"),
        ("from=x", "malformed_request"),
        ("from=1&to=2&too=3", "malformed_request"),
    ],
)
async def test_no_consistency_proof(grown: Api, query: str, code: str) -> None:
    """Sizes beyond the tree are 404, nonsense is 400."""
    assert (await grown.get(f"/proofs/consistency?{query}")).code == code


async def test_a_receipt_can_be_fetched_later(grown: Api) -> None:
    """Under the published checkpoint, which has a quorum where there is one."""
    answer = await grown.get("/receipts/7")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Vary"] == "Accept"
    receipt = parse_receipt(answer.body)
    assert receipt.checkpoint == grown.log.published.note
    signed = open_checkpoint(receipt.checkpoint, grown.log.keys.verifiers)
    verify_inclusion(
        index=receipt.index,
        size=signed.checkpoint.size,
        leaf_hash=leaf_hash(ENTRIES[7]),
        proof=receipt.inclusion_proof,
        root_hash=signed.checkpoint.root_hash,
    )


async def test_the_receipt_of_an_unpublished_entry(grown: Api) -> None:
    """Under the newest signed checkpoint."""
    await grown.submit(b"newer")
    receipt = parse_receipt((await grown.get("/receipts/50")).body)
    assert receipt.checkpoint == grown.log.head.note


async def test_a_receipt_with_the_entry(grown: Api) -> None:
    """entry=true: all that verifying needs is in one file."""
    receipt = parse_receipt((await grown.get("/receipts/7?entry=true")).body)
    assert receipt.entry == ENTRIES[7]


async def test_a_receipt_for_one_who_knows_an_older_size(grown: Api) -> None:
    """known= brings the proof that the log only grew since."""
    receipt = parse_receipt((await grown.get("/receipts/40?known=13")).body)
    proof = receipt.consistency_proof
    assert proof is not None
    verify_consistency(
        old_size=13,
        new_size=50,
        old_root=ReferenceTree(ENTRIES).root(13),
        new_root=ReferenceTree(ENTRIES).root(50),
        proof=proof.hashes,
    )


async def test_a_receipt_for_one_who_knows_an_unpublished_size(grown: Api) -> None:
    """A size that is signed but not published leads to the newest checkpoint."""
    await grown.submit(b"newer")
    receipt = parse_receipt((await grown.get("/receipts/40?known=51")).body)
    assert receipt.checkpoint == grown.log.head.note


@pytest.mark.parametrize("query", ["/receipts/50", "/receipts/7?known=51"])
async def test_no_receipt_beyond_the_signed_tree(grown: Api, query: str) -> None:
    """404."""
    answer = await grown.get(query)
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_tlog_proof_by_accept(grown: Api) -> None:
    """text/plain is the C2SP form."""
    answer = await grown.get("/receipts/7", Accept="text/plain")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    proof = parse_tlog_proof(answer.body)
    assert (proof.index, proof.checkpoint) == (7, grown.log.published.note)


async def test_a_tlog_proof_by_suffix(grown: Api) -> None:
    """Under its own name it is that, whatever Accept says."""
    by_accept = await grown.get("/receipts/7", Accept="text/plain")
    by_name = await grown.get("/receipts/7.tlog-proof", Accept="application/json")
    assert by_name.body == by_accept.body


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/plain"),
        ("application/json;q=0.5, text/plain", "text/plain"),
        ("text/plain;q=0, */*", "application/json"),
        ("TEXT/PLAIN", "text/plain"),
        ("application/cose, application/json;q=0.1", "application/json"),
    ],
)
async def test_negotiation_of_receipts(grown: Api, accept: str, kind: str) -> None:
    """RFC 9110 section 12.5.1."""
    answer = await grown.get("/receipts/7", Accept=accept)
    assert answer.headers["Content-Type"].split(";")[0] == kind


@pytest.mark.parametrize(
    "accept", ["application/cose", "text/html", "*/*;q=0", "image/*"]
)
async def test_a_receipt_in_no_format_that_is_accepted(grown: Api, accept: str) -> None:
    """406; COSE comes later."""
    answer = await grown.get("/receipts/7", Accept=accept)
    assert (answer.status, answer.code) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/receipts/x", "malformed_request"),
        ("/receipts/7.cose", "malformed_request"),
        ("/receipts/07", "malformed_request"),
        ("/receipts/7?known=x", "malformed_request"),
        ("/receipts/7?entry=yes", "malformed_request"),
        ("/receipts/7?wait=later", "malformed_request"),
        ("/receipts/7.tlog-proof?known=3", "malformed_request"),
        ("/receipts/7.tlog-proof?entry=true", "malformed_request"),
        ("/receipts/7?wait=witnessed", "no_witness_policy"),
    ],
)
async def test_a_malformed_question_for_a_receipt(
    grown: Api, path: str, code: str
) -> None:
    """400."""
    answer = await grown.get(path)
    assert (answer.status, answer.code) == (400, code)
