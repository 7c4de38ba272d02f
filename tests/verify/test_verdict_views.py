"""Two signed views of one log: anchored, diverged, or only a wrong proof."""

from dataclasses import replace

import pytest
from reference.merkle import ReferenceTree
from reference.signing import Ed25519Signer

from proofs.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    format_checkpoint,
    open_checkpoint,
)
from proofs.errors import (
    Inconsistent,
    MalformedProof,
    RootMismatch,
    VerificationError,
)
from proofs.keys import parse_vkey
from proofs.note import sign_note
from proofs.receipt import ConsistencyProof, Receipt
from proofs.verdict import Finding, Requirement, Verdict, check_receipt
from proofs.views import verify_views

ORIGIN = "example.com/audit"
ENTRIES = [f"entry {index}".encode() for index in range(20)]
TREE = ReferenceTree(ENTRIES)
FORK = ReferenceTree([*ENTRIES[:2], b"rewritten", *ENTRIES[3:]])
KEYS = [parse_vkey(Ed25519Signer.called(ORIGIN).vkey)]


def checkpoint(size: int, tree: ReferenceTree = TREE, origin: str = ORIGIN) -> bytes:
    """Return a checkpoint that the log signed."""
    text = format_checkpoint(Checkpoint(origin, size, tree.root(size)))
    return sign_note(text, [Ed25519Signer.called(origin)])


def view(size: int, tree: ReferenceTree = TREE) -> SignedCheckpoint:
    """Return a verified checkpoint."""
    return open_checkpoint(checkpoint(size, tree), KEYS)


RECEIPT = Receipt(
    origin=ORIGIN,
    index=5,
    leaf_hash=TREE.leaves[5],
    inclusion_proof=tuple(TREE.inclusion(5, 13)),
    checkpoint=checkpoint(13),
)


def found(
    known: bytes, proof: list[bytes] | None = None, receipt: Receipt = RECEIPT
) -> Finding:
    """Return what is found for somebody who holds the checkpoint *known*."""
    return check_receipt(
        receipt,
        verifiers=KEYS,
        entry=ENTRIES[5],
        known=known,
        consistency_proof=proof,
    )


def test_trees_of_all_sizes_are_one_history_by_their_proof() -> None:
    for new in range(1, len(ENTRIES) + 1):
        for old in range(1, new + 1):
            proof = TREE.consistency(old, new)
            verify_views(view(old), view(new), proof=proof)
            verify_views(view(new), view(old), proof=proof)


def test_a_fork_is_proven_from_every_old_size_that_is_no_power_of_two() -> None:
    """And is never proven between trees that are one history."""
    for new in range(4, len(ENTRIES) + 1):
        for old in range(3, new):
            proof = TREE.consistency(old, new)
            error = RootMismatch if old & (old - 1) == 0 else Inconsistent

            with pytest.raises(error):
                verify_views(view(old, FORK), view(new), proof=proof)


def test_a_wrong_proof_is_no_evidence() -> None:
    for new in range(2, len(ENTRIES) + 1):
        for old in range(1, new):
            proof = TREE.consistency(old, new)
            for place in range(len(proof)):
                wrong = [*proof[:place], bytes(32), *proof[place + 1 :]]

                with pytest.raises(RootMismatch):
                    verify_views(view(old), view(new), proof=wrong)


def test_a_wrong_proof_between_forked_trees_is_no_evidence() -> None:
    proof = [bytes(32) for _ in TREE.consistency(5, 13)]

    with pytest.raises(RootMismatch):
        verify_views(view(5, FORK), view(13), proof=proof)


def test_two_trees_of_one_size_are_evidence_whatever_the_proof() -> None:
    """No bad proof may cover up a fork."""
    for proof in ([], [bytes(32)]):
        with pytest.raises(Inconsistent) as refused:
            verify_views(view(5, FORK), view(5), proof=proof)

        assert {refused.value.old, refused.value.new} == {
            checkpoint(5),
            checkpoint(5, FORK),
        }


def test_a_proof_between_equal_sizes_is_empty() -> None:
    with pytest.raises(MalformedProof):
        verify_views(view(5), view(5), proof=[bytes(32)])


def test_views_of_different_logs_are_not_compared() -> None:
    name = "example.com/other"
    key = parse_vkey(Ed25519Signer.called(name).vkey)
    other = open_checkpoint(checkpoint(5, FORK, origin=name), [key])

    with pytest.raises(VerificationError, match="different logs"):
        verify_views(view(5), other, proof=[])


# The verdicts that follow


@pytest.mark.parametrize("size", [1, 5, 8, 12, 13])
def test_an_older_known_checkpoint_anchors(size: int) -> None:
    finding = found(checkpoint(size), TREE.consistency(size, 13))

    assert finding.verdict is Verdict.ANCHORED
    assert finding.exit_code == 0


@pytest.mark.parametrize("size", [14, 16, 20])
def test_a_newer_known_checkpoint_anchors(size: int) -> None:
    """The proof then leads from the receipt's tree to the known one."""
    finding = found(checkpoint(size), TREE.consistency(13, size))

    assert finding.verdict is Verdict.ANCHORED


def test_the_same_tree_anchors_without_a_proof() -> None:
    assert found(checkpoint(13)).verdict is Verdict.ANCHORED


def test_the_receipt_s_own_consistency_proof_anchors() -> None:
    own = replace(
        RECEIPT, consistency_proof=ConsistencyProof(5, tuple(TREE.consistency(5, 13)))
    )

    assert found(checkpoint(5), receipt=own).verdict is Verdict.ANCHORED


def test_a_consistency_proof_from_another_size_does_not_anchor() -> None:
    own = replace(
        RECEIPT, consistency_proof=ConsistencyProof(6, tuple(TREE.consistency(6, 13)))
    )

    assert found(checkpoint(5), receipt=own).verdict is Verdict.SELF_CONSISTENT


def test_a_known_checkpoint_without_a_proof_does_not_anchor() -> None:
    finding = found(checkpoint(5))

    assert finding.verdict is Verdict.SELF_CONSISTENT
    assert any("no consistency proof" in reason for reason in finding.reasons)


def test_the_empty_checkpoint_anchors_nothing() -> None:
    """Every history is consistent with it, also a forged one."""
    assert found(checkpoint(0), []).verdict is Verdict.SELF_CONSISTENT


def test_another_tree_of_the_same_size_has_diverged() -> None:
    finding = found(checkpoint(13, FORK))

    assert finding.verdict is Verdict.DIVERGED
    assert finding.exit_code == 30
    assert finding.evidence is not None
    assert {finding.evidence.old, finding.evidence.new} == {
        checkpoint(13, FORK),
        checkpoint(13),
    }


def test_an_older_tree_that_is_not_the_beginning_has_diverged() -> None:
    proof = TREE.consistency(5, 13)

    finding = found(checkpoint(5, FORK), proof)

    assert finding.verdict is Verdict.DIVERGED
    assert finding.evidence is not None
    assert finding.evidence.old == checkpoint(5, FORK)
    assert finding.evidence.new == checkpoint(13)
    assert list(finding.evidence.proof) == proof


def test_a_newer_tree_with_another_beginning_has_diverged() -> None:
    finding = found(checkpoint(20, FORK), FORK.consistency(13, 20))

    assert finding.verdict is Verdict.DIVERGED
    assert finding.evidence is not None
    assert finding.evidence.old == checkpoint(13)


@pytest.mark.parametrize("proof", [[bytes(32)], [], [bytes(31)]])
def test_a_wrong_consistency_proof_is_invalid(proof: list[bytes]) -> None:
    finding = found(checkpoint(5), proof)

    assert finding.verdict is Verdict.INVALID
    assert finding.evidence is None


def test_a_fork_at_a_power_of_two_says_what_it_cannot_tell() -> None:
    finding = found(checkpoint(8, FORK), TREE.consistency(8, 13))

    assert finding.verdict is Verdict.INVALID
    assert any("two histories" in reason for reason in finding.reasons)


def test_a_receipt_that_is_also_invalid_keeps_its_evidence() -> None:
    finding = found(checkpoint(13, FORK), receipt=replace(RECEIPT, index=6))

    assert finding.verdict is Verdict.INVALID
    assert finding.evidence is not None


def test_a_known_checkpoint_that_is_none_is_unreadable() -> None:
    assert found(b"no note").verdict is Verdict.UNREADABLE


def test_a_known_checkpoint_that_nobody_signed_is_invalid() -> None:
    forged = checkpoint(13).replace(b"\n13\n", b"\n14\n")

    assert found(forged).verdict is Verdict.INVALID


def test_a_known_checkpoint_of_another_log_is_invalid() -> None:
    name = "example.com/other"
    finding = check_receipt(
        RECEIPT,
        verifiers=[*KEYS, parse_vkey(Ed25519Signer.called(name).vkey)],
        known=checkpoint(13, origin=name),
        require=Requirement.ANCHORED,
    )

    assert finding.verdict is Verdict.INVALID
