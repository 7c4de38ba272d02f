"""Verdicts: no more than was checked, and the gravest answer wins."""

from base64 import b64decode, b64encode  # noqa: TID251 - bytes are changed under it
from dataclasses import replace

import pytest
from reference.merkle import ReferenceTree
from reference.signing import Ed25519Signer, TreeHeadSigner

from proofs.checkpoint import Checkpoint, format_checkpoint, open_checkpoint
from proofs.errors import MalformedReceipt
from proofs.keys import parse_vkey
from proofs.note import sign_note
from proofs.receipt import (
    ConsistencyProof,
    Disclosure,
    Receipt,
    format_receipt,
    parse_receipt,
)
from proofs.tlogproof import TlogProof
from proofs.verdict import Finding, Requirement, Subject, Verdict, check_receipt

ORIGIN = "example.com/audit"
SIGNED_AT = 1_711_642_477_482
ENTRIES = [f"entry {index}".encode() for index in range(20)]
TREE = ReferenceTree(ENTRIES)
# The same log as somebody else was shown it: entry 2 is another one.
FORK = ReferenceTree([*ENTRIES[:2], b"rewritten", *ENTRIES[3:]])
LOG = Ed25519Signer.called(ORIGIN)
KEYS = [parse_vkey(LOG.vkey)]


def checkpoint(size: int, tree: ReferenceTree = TREE, origin: str = ORIGIN) -> bytes:
    """Return a checkpoint that the log signed."""
    text = format_checkpoint(Checkpoint(origin, size, tree.root(size)))
    return sign_note(text, [Ed25519Signer.called(origin)])


def receipt(index: int = 5, size: int = 13, tree: ReferenceTree = TREE) -> Receipt:
    """Return a receipt as the log would give it."""
    return Receipt(
        origin=ORIGIN,
        index=index,
        leaf_hash=tree.leaves[index],
        inclusion_proof=tuple(tree.inclusion(index, size)),
        checkpoint=checkpoint(size, tree),
    )


# The same receipt with a tree head signature, which carries a time.
HEAD = TreeHeadSigner(ORIGIN, SIGNED_AT, 13, TREE.root(13))
TIMED = replace(
    receipt(),
    checkpoint=sign_note(
        format_checkpoint(Checkpoint(ORIGIN, 13, TREE.root(13))), [LOG, HEAD]
    ),
)
TIMED_KEYS = [*KEYS, parse_vkey(HEAD.vkey)]


def test_a_receipt_alone_is_self_consistent() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, entry=ENTRIES[5])

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert finding.exit_code == 0


def test_self_consistent_says_in_words_what_it_leaves_open() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, entry=ENTRIES[5])

    assert any("could show others another history" in r for r in finding.reasons)


def test_every_index_of_every_size_is_self_consistent() -> None:
    for size in range(1, len(ENTRIES) + 1):
        for index in range(size):
            finding = check_receipt(
                receipt(index, size), verifiers=KEYS, entry=ENTRIES[index]
            )

            assert finding.verdict is Verdict.SELF_CONSISTENT


# What is included


def test_the_entry_shown_is_what_is_included() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, entry=ENTRIES[5])

    assert finding.subject is Subject.ENTRY


def test_a_leaf_hash_stands_for_the_entry() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, leaf_hash=TREE.leaves[5])

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert finding.subject is Subject.LEAF_HASH


def test_another_entry_is_invalid() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, entry=b"another")

    assert finding.verdict is Verdict.INVALID
    assert "leaf hashes differ" in finding.reasons[0]


def test_another_leaf_hash_is_invalid() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, leaf_hash=TREE.leaves[6])

    assert finding.verdict is Verdict.INVALID


def test_an_entry_and_a_leaf_hash_have_to_agree() -> None:
    finding = check_receipt(
        receipt(), verifiers=KEYS, entry=ENTRIES[5], leaf_hash=TREE.leaves[6]
    )

    assert finding.verdict is Verdict.INVALID


def test_the_entry_in_a_receipt_has_to_be_the_one_shown() -> None:
    altered = replace(receipt(), entry=ENTRIES[6])

    finding = check_receipt(altered, verifiers=KEYS, entry=ENTRIES[5])

    assert finding.verdict is Verdict.INVALID


def test_a_receipt_without_its_entry_proves_only_its_leaf_hash() -> None:
    """A server may answer with the receipt of another entry than the submitted."""
    finding = check_receipt(receipt(), verifiers=KEYS)

    assert finding.subject is Subject.RECEIPT
    assert any("no entry was shown" in reason for reason in finding.reasons)


def test_the_entry_in_a_receipt_is_not_the_verifier_s() -> None:
    finding = check_receipt(replace(receipt(), entry=ENTRIES[5]), verifiers=KEYS)

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert finding.subject is Subject.RECEIPT


def test_a_receipt_of_an_entry_that_the_log_hashed_differently_is_invalid() -> None:
    """With leaf hash and entry both wrong, and each right for the other."""
    altered = replace(receipt(), leaf_hash=FORK.leaves[2], entry=b"rewritten")

    assert check_receipt(altered, verifiers=KEYS).verdict is Verdict.INVALID


# What does not match


def altered_receipts() -> dict[str, Receipt]:
    """Return the receipt with one thing at a time changed."""
    good = receipt()
    proof = good.inclusion_proof
    return {
        "origin": replace(good, origin="example.com/other"),
        "index": replace(good, index=4),
        "index at the size": replace(good, index=13),
        "leaf hash": replace(good, leaf_hash=TREE.leaves[6]),
        "a hash more": replace(good, inclusion_proof=(*proof, bytes(32))),
        "a hash less": replace(good, inclusion_proof=proof[:-1]),
        "hashes reordered": replace(good, inclusion_proof=proof[::-1]),
        "no checkpoint": replace(good, checkpoint=b""),
        "an unsigned checkpoint": replace(
            good, checkpoint=good.checkpoint.split(b"\n\n")[0] + b"\n"
        ),
        "another log's checkpoint": replace(
            good, checkpoint=checkpoint(13, origin="example.com/other")
        ),
        "another size's checkpoint": replace(good, checkpoint=checkpoint(12)),
        "the empty log's checkpoint": replace(good, checkpoint=checkpoint(0)),
        "another history's checkpoint": replace(good, checkpoint=checkpoint(13, FORK)),
    }


@pytest.mark.parametrize(
    "altered", altered_receipts().values(), ids=altered_receipts().keys()
)
def test_a_receipt_that_does_not_match_is_invalid(altered: Receipt) -> None:
    assert check_receipt(altered, verifiers=KEYS).verdict is Verdict.INVALID


def test_every_changed_bit_of_hashes_and_proof_is_invalid() -> None:
    good = receipt()
    for offset in range(32):
        for bit in range(8):
            leaf = bytearray(good.leaf_hash)
            leaf[offset] ^= 1 << bit
            altered = replace(good, leaf_hash=bytes(leaf))
            assert check_receipt(altered, verifiers=KEYS).verdict is Verdict.INVALID
    for place, digest in enumerate(good.inclusion_proof):
        for offset in range(32):
            flipped = bytearray(digest)
            flipped[offset] ^= 1
            proof = list(good.inclusion_proof)
            proof[place] = bytes(flipped)
            altered = replace(good, inclusion_proof=tuple(proof))
            assert check_receipt(altered, verifiers=KEYS).verdict is Verdict.INVALID


def test_every_changed_byte_of_the_checkpoint_is_invalid() -> None:
    good = receipt()
    for offset in range(len(good.checkpoint)):
        note = bytearray(good.checkpoint)
        note[offset] ^= 1
        altered = replace(good, checkpoint=bytes(note))

        assert check_receipt(altered, verifiers=KEYS).verdict is Verdict.INVALID


def test_every_changed_byte_of_a_receipt_file_is_noticed() -> None:
    """Either the file is refused, or the verdict; but for what is nobody's claim."""
    data = format_receipt(replace(receipt(), entry=ENTRIES[5]))
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= 1
        try:
            altered = parse_receipt(bytes(changed))
        except MalformedReceipt:
            continue

        finding = check_receipt(altered, verifiers=KEYS, entry=ENTRIES[5])

        assert finding.verdict is Verdict.INVALID


def test_another_log_s_key_does_not_verify() -> None:
    other = parse_vkey(Ed25519Signer.called("example.com/other").vkey)

    finding = check_receipt(receipt(), verifiers=[other])

    assert finding.verdict is Verdict.INVALID
    assert finding.signed is None


def test_without_keys_nothing_verifies() -> None:
    assert check_receipt(receipt(), verifiers=[]).verdict is Verdict.INVALID


def test_an_origin_other_than_the_key_s_has_to_be_named() -> None:
    text = format_checkpoint(Checkpoint(ORIGIN, 13, TREE.root(13)))
    signer = Ed25519Signer.called("key.of.the.log")
    foreign = replace(receipt(), checkpoint=sign_note(text, [signer]))
    keys = [parse_vkey(signer.vkey)]

    assert check_receipt(foreign, verifiers=keys).verdict is Verdict.INVALID
    named = check_receipt(foreign, verifiers=keys, origin=ORIGIN)
    assert named.verdict is Verdict.SELF_CONSISTENT


# Proofs without a receipt


def test_a_tlog_proof_is_checked_like_a_receipt() -> None:
    good = receipt()
    proof = TlogProof(5, good.inclusion_proof, good.checkpoint)

    finding = check_receipt(proof, verifiers=KEYS, entry=ENTRIES[5])

    assert finding.verdict is Verdict.SELF_CONSISTENT
    other = check_receipt(proof, verifiers=KEYS, entry=ENTRIES[6])
    assert other.verdict is Verdict.INVALID


def test_a_tlog_proof_needs_an_entry_or_a_leaf_hash() -> None:
    good = receipt()

    with pytest.raises(ValueError, match="entry"):
        check_receipt(
            TlogProof(5, good.inclusion_proof, good.checkpoint), verifiers=KEYS
        )


# Time


def aged(age_ms: int, max_age_ms: int) -> Finding:
    """Return what is found so long after the checkpoint was signed."""
    return check_receipt(
        TIMED,
        verifiers=TIMED_KEYS,
        entry=ENTRIES[5],
        max_age_ms=max_age_ms,
        now_ms=SIGNED_AT + age_ms,
    )


def test_a_checkpoint_is_stale_after_the_maximum_age() -> None:
    assert aged(1000, 1000).verdict is Verdict.SELF_CONSISTENT
    assert aged(1001, 1000).verdict is Verdict.STALE


def test_an_age_is_the_log_s_own_word() -> None:
    assert any("own word" in reason for reason in aged(1000, 1000).reasons)


def test_without_a_time_the_age_is_unknown() -> None:
    finding = check_receipt(
        TIMED, verifiers=KEYS, max_age_ms=1000, now_ms=SIGNED_AT + 1
    )

    assert finding.verdict is Verdict.PARTIAL
    assert any(reason.startswith("age unknown") for reason in finding.reasons)


def test_a_clock_may_be_a_little_behind_the_log_s() -> None:
    assert aged(-60_000, 1000).verdict is Verdict.SELF_CONSISTENT


def test_a_checkpoint_from_the_future_has_no_age() -> None:
    """Or a log could sign one today that looks fresh in ten years."""
    assert aged(-3_600_000, 1000).verdict is Verdict.PARTIAL


def test_an_age_needs_the_present_time() -> None:
    with pytest.raises(ValueError, match="time"):
        check_receipt(TIMED, verifiers=TIMED_KEYS, max_age_ms=1000)


# What was asked for and not checked, and what nobody proves


def test_disclosures_are_not_checked() -> None:
    shown = replace(receipt(), disclosures=(Disclosure("actor", bytes(16), "u"),))

    finding = check_receipt(shown, verifiers=KEYS, entry=ENTRIES[5])

    assert finding.verdict is Verdict.PARTIAL
    assert finding.exit_code == 11


@pytest.mark.parametrize(
    ("claim", "remark"),
    [
        (replace(receipt(), logged_at="2026-11-21T10:00:00.123Z"), "logged_at"),
        (replace(receipt(), event_id="e-1"), "event_id"),
        (
            replace(receipt(), consistency_proof=ConsistencyProof(3, ())),
            "consistency proof was not used",
        ),
    ],
)
def test_claims_that_nothing_proves_are_named(claim: Receipt, remark: str) -> None:
    finding = check_receipt(claim, verifiers=KEYS, entry=ENTRIES[5])

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert any(remark in reason for reason in finding.reasons)


# Requirements and exit codes


@pytest.mark.parametrize("requirement", list(Requirement))
def test_self_consistent_meets_no_requirement(requirement: Requirement) -> None:
    finding = check_receipt(receipt(), verifiers=KEYS, require=requirement)

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert finding.unmet is requirement
    assert finding.exit_code == 10


@pytest.mark.parametrize(("required", "code"), [("anchored", 0), ("witnessed", 10)])
def test_anchored_meets_one_requirement(required: str, code: int) -> None:
    finding = check_receipt(
        receipt(),
        verifiers=KEYS,
        known=checkpoint(13),
        require=Requirement(required),
    )

    assert finding.verdict is Verdict.ANCHORED
    assert finding.exit_code == code


def test_a_graver_verdict_outweighs_an_unmet_requirement() -> None:
    finding = check_receipt(
        receipt(), verifiers=[], require=Requirement.WITNESSED, entry=ENTRIES[5]
    )

    assert finding.exit_code == 40


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert {str(verdict): verdict.exit_code for verdict in Verdict} == {
        "WITNESSED": 0,
        "ANCHORED": 0,
        "SELF_CONSISTENT": 0,
        "PARTIAL": 11,
        "STALE": 12,
        "DIVERGED": 30,
        "INVALID": 40,
        "UNREADABLE": 41,
    }


def test_the_checkpoint_of_a_finding_is_the_verified_one() -> None:
    finding = check_receipt(receipt(), verifiers=KEYS)

    assert finding.signed == open_checkpoint(receipt().checkpoint, KEYS)


def test_base64_of_a_receipt_has_one_spelling() -> None:
    """The last bits of a hash in base64 are not part of it, and not free either."""
    good = format_receipt(receipt())
    spelled = b64encode(receipt().leaf_hash)
    other = spelled[:-2] + bytes([spelled[-2] + 1]) + b"="
    assert b64decode(other) == b64decode(spelled)

    with pytest.raises(MalformedReceipt):
        parse_receipt(good.replace(spelled, other))
