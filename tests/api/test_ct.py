"""RFC 6962 section 4, as Certificate Transparency clients ask it."""

import base64

import pytest
from apiserver import Api
from reference.merkle import ReferenceTree

from proofs.checkpoint import parse_checkpoint
from proofs.hashing import leaf_hash
from proofs.keys import TreeHeadVerifier
from proofs.merkle import verify_consistency, verify_inclusion
from proofs.note import parse_note
from proofs.text import parse_base64

ENTRIES = [b"entry %d" % i for i in range(20)]


@pytest.fixture
async def published(api: Api) -> Api:
    """Return a log of 20 published entries and one that is only signed."""
    await api.submit_published(b"\n".join(ENTRIES))
    await api.submit(b"not published")
    assert api.log.published.size == 20
    return api


def hashes(texts: list[str]) -> list[bytes]:
    return [parse_base64(text, length=32) for text in texts]


async def test_the_signed_tree_head_is_the_published_checkpoint(published: Api) -> None:
    """Both say the same, and the signature is the note's own 0x05 line."""
    sth = (await published.get("/ct/v1/get-sth")).json
    note = parse_note(published.log.published.note)
    checkpoint = parse_checkpoint(note.text)
    assert sth["tree_size"] == checkpoint.size == 20
    assert parse_base64(sth["sha256_root_hash"]) == checkpoint.root_hash
    signature = sth["timestamp"].to_bytes(8) + parse_base64(sth["tree_head_signature"])
    verifier = published.log.keys.verifiers[1]
    assert isinstance(verifier, TreeHeadVerifier)
    verifier.verify(note.text, signature)


async def test_consistency(published: Api) -> None:
    """Section 4.4."""
    answer = await published.get("/ct/v1/get-sth-consistency?first=7&second=20")
    tree = ReferenceTree(ENTRIES)
    verify_consistency(
        old_size=7,
        new_size=20,
        old_root=tree.root(7),
        new_root=tree.root(20),
        proof=hashes(answer.json["consistency"]),
    )


async def test_inclusion_by_hash(published: Api) -> None:
    """Section 4.5, with the plus of base64 unescaped as old clients send it."""
    for i, entry in enumerate(ENTRIES):
        text = base64.b64encode(leaf_hash(entry)).decode()
        answer = await published.get(
            f"/ct/v1/get-proof-by-hash?hash={text}&tree_size=20"
        )
        assert answer.json["leaf_index"] == i
        verify_inclusion(
            index=i,
            size=20,
            leaf_hash=leaf_hash(entry),
            proof=hashes(answer.json["audit_path"]),
            root_hash=ReferenceTree(ENTRIES).root(20),
        )


async def test_entries_are_inclusive(published: Api) -> None:
    """Section 4.6: leaf_input is the entry, extra_data is empty."""
    answer = await published.get("/ct/v1/get-entries?start=3&end=5")
    assert answer.json == {
        "entries": [
            {"leaf_input": base64.b64encode(entry).decode(), "extra_data": ""}
            for entry in ENTRIES[3:6]
        ]
    }


async def test_entries_end_with_the_published_tree(published: Api) -> None:
    """A huge range is truncated; what is not published is not there."""
    answer = await published.get("/ct/v1/get-entries?start=18&end=9000000000000000000")
    assert len(answer.json["entries"]) == 2


async def test_an_entry_with_its_proof(published: Api) -> None:
    """Section 4.8."""
    answer = await published.get("/ct/v1/get-entry-and-proof?leaf_index=9&tree_size=15")
    assert parse_base64(answer.json["leaf_input"]) == ENTRIES[9]
    verify_inclusion(
        index=9,
        size=15,
        leaf_hash=leaf_hash(ENTRIES[9]),
        proof=hashes(answer.json["audit_path"]),
        root_hash=ReferenceTree(ENTRIES).root(15),
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("get-sth?x=1", "malformed_request"),
        ("get-sth-consistency?first=1", "malformed_request"),
        ("get-sth-consistency?first=9&second=8", "malformed_request"),
        ("get-sth-consistency?first=1&second=21", "not_found"),
        ("get-proof-by-hash?tree_size=20", "malformed_request"),
        ("get-proof-by-hash?hash=AA&tree_size=20", "malformed_request"),
        (f"get-proof-by-hash?hash={'0' * 64}&tree_size=20", "not_found"),
        (
            f"get-proof-by-hash?hash={leaf_hash(ENTRIES[9]).hex()}&tree_size=9",
            "not_found",
        ),
        (
            f"get-proof-by-hash?hash={leaf_hash(ENTRIES[9]).hex()}&tree_size=21",
            "not_found",
        ),
        ("get-entries?start=0", "malformed_request"),
        ("get-entries?start=2&end=1", "malformed_request"),
        ("get-entries?start=20&end=30", "not_found"),
        ("get-entry-and-proof?leaf_index=20&tree_size=20", "not_found"),
        ("get-entry-and-proof?leaf_index=20&tree_size=21", "not_found"),
        ("get-entry-and-proof?leaf_index=0", "malformed_request"),
        ("add-chain", "not_found"),
    ],
)
async def test_a_question_without_an_answer(
    published: Api, query: str, code: str
) -> None:
    """Nothing beyond the published checkpoint, and no guesses."""
    assert (await published.get(f"/ct/v1/{query}")).code == code
