"""Verifying proofs: what the reference tree proves holds, and nothing else."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.merkle import ReferenceTree, accepts_consistency, accepts_inclusion

from proofs.errors import MalformedProof, ProofsError, RootMismatch
from proofs.hashing import EMPTY_ROOT
from proofs.merkle import (
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from proofs.nodes import is_subtree

TREE = ReferenceTree([b"%d" % index for index in range(300)])


def flipped(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Each hash of *proof* in turn with one bit flipped."""
    for position, digest in enumerate(proof):
        byte = position % 32
        wrong = bytearray(digest)
        wrong[byte] ^= 1 << (position % 8)
        yield [*proof[:position], bytes(wrong), *proof[position + 1 :]]


def check_inclusion(index: int, size: int, proof: Sequence[bytes]) -> None:
    verify_inclusion(
        index=index,
        size=size,
        leaf_hash=TREE.leaves[index],
        proof=proof,
        root_hash=TREE.root(size),
    )


def check_consistency(old_size: int, new_size: int, proof: Sequence[bytes]) -> None:
    verify_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=TREE.root(old_size),
        new_root=TREE.root(new_size),
        proof=proof,
    )


def check_subtree(start: int, end: int, size: int, proof: Sequence[bytes]) -> None:
    verify_subtree(
        start=start,
        end=end,
        size=size,
        subtree_hash=TREE.mth(start, end),
        root_hash=TREE.root(size),
        proof=proof,
    )


def test_inclusion_holds_in_every_size_to_300_and_with_no_hash_flipped() -> None:
    for size in range(1, 301):
        for index in range(size):
            proof = TREE.inclusion(index, size)
            check_inclusion(index, size, proof)
            for wrong in flipped(proof):
                with pytest.raises(RootMismatch):
                    check_inclusion(index, size, wrong)


def test_consistency_holds_for_every_size_to_300_and_with_no_hash_flipped() -> None:
    for size in range(1, 301):
        for old_size in range(1, size + 1):
            proof = TREE.consistency(old_size, size)
            check_consistency(old_size, size, proof)
            for wrong in flipped(proof):
                with pytest.raises(RootMismatch):
                    check_consistency(old_size, size, wrong)


def test_subtrees_hold_in_every_size_to_40_and_with_no_hash_flipped() -> None:
    for size in range(41):
        for end in range(size + 1):
            for start in filter(lambda start: is_subtree(start, end), range(end + 1)):
                proof = TREE.subtree_proof(start, end, size)
                check_subtree(start, end, size, proof)
                for wrong in flipped(proof):
                    with pytest.raises(RootMismatch):
                        check_subtree(start, end, size, wrong)


def test_a_proof_holds_for_no_other_index() -> None:
    for size in range(2, 40):
        for index in range(size):
            for other in set(range(size)) - {index}:
                with pytest.raises(ProofsError):
                    verify_inclusion(
                        index=other,
                        size=size,
                        leaf_hash=TREE.leaves[index],
                        proof=TREE.inclusion(index, size),
                        root_hash=TREE.root(size),
                    )


def test_a_proof_holds_for_no_other_leaf() -> None:
    with pytest.raises(RootMismatch):
        verify_inclusion(
            index=4,
            size=7,
            leaf_hash=TREE.leaves[5],
            proof=TREE.inclusion(4, 7),
            root_hash=TREE.root(7),
        )


def test_an_inner_node_is_no_leaf() -> None:
    """The node over leaves 4 and 5 with the rest of their path: too short."""
    with pytest.raises(MalformedProof, match="too short"):
        verify_inclusion(
            index=4,
            size=8,
            leaf_hash=TREE.mth(4, 6),
            proof=TREE.inclusion(4, 8)[1:],
            root_hash=TREE.root(8),
        )


def test_the_root_from_a_proof_is_the_root() -> None:
    root = root_from_inclusion(
        index=4, size=7, leaf_hash=TREE.leaves[4], proof=TREE.inclusion(4, 7)
    )

    assert root == TREE.root(7)


def test_a_mismatch_tells_both_roots() -> None:
    with pytest.raises(RootMismatch) as caught:
        verify_inclusion(
            index=4,
            size=7,
            leaf_hash=TREE.leaves[4],
            proof=TREE.inclusion(4, 7),
            root_hash=TREE.root(8),
        )

    assert caught.value.expected == TREE.root(8)
    assert caught.value.calculated == TREE.root(7)


# Small pieces of a tree put together in any way: some are proofs.
HASHES = st.sampled_from(
    [TREE.mth(i << level, (i + 1) << level) for level in range(4) for i in range(3)]
)
PROOFS = st.lists(HASHES, max_size=5)


@given(st.integers(0, 9), st.integers(0, 9), HASHES, PROOFS, st.data())
def test_any_inclusion_proof_is_judged_as_by_the_rfc(
    index: int, size: int, leaf: bytes, proof: list[bytes], data: st.DataObject
) -> None:
    if data.draw(st.booleans()) and index < size:
        proof = TREE.inclusion(index, size)
        leaf = TREE.leaves[index]
    root = TREE.root(size)
    accepted = True
    try:
        verify_inclusion(
            index=index, size=size, leaf_hash=leaf, proof=proof, root_hash=root
        )
    except ProofsError:
        accepted = False

    assert accepted == accepts_inclusion(index, size, leaf, proof, root)


@given(st.integers(1, 8), st.integers(1, 8), PROOFS, st.data())
def test_any_consistency_proof_is_judged_as_by_the_rfc(
    old_size: int, more: int, proof: list[bytes], data: st.DataObject
) -> None:
    new_size = old_size + more
    if data.draw(st.booleans()):
        proof = TREE.consistency(old_size, new_size)
    accepted = True
    try:
        check_consistency(old_size, new_size, proof)
    except ProofsError:
        accepted = False

    assert accepted == accepts_consistency(
        old_size, new_size, proof, TREE.root(old_size), TREE.root(new_size)
    )


def test_every_tree_is_consistent_with_the_empty_one() -> None:
    for size in range(10):
        check_consistency(0, size, [])


def test_the_empty_subtree_has_the_empty_root_and_says_nothing_of_the_tree() -> None:
    verify_subtree(
        start=3,
        end=3,
        size=7,
        subtree_hash=EMPTY_ROOT,
        root_hash=bytes(32),
        proof=[],
    )
