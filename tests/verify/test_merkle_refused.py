"""Proofs that must be refused, one mistake or attack each."""

import pytest
from reference.merkle import ReferenceTree

from proofs.errors import MalformedProof, RootMismatch
from proofs.hashing import EMPTY_ROOT
from proofs.merkle import (
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)

TREE = ReferenceTree([b"%d" % index for index in range(16)])
ANY = bytes(32)


def include(
    proof: list[bytes], *, index: int = 4, size: int = 7, leaf: bytes = TREE.leaves[4]
) -> None:
    verify_inclusion(
        index=index,
        size=size,
        leaf_hash=leaf,
        proof=proof,
        root_hash=TREE.root(7),
    )


def consist(proof: list[bytes], *, old_size: int = 3, new_size: int = 7) -> None:
    verify_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=TREE.root(old_size),
        new_root=TREE.root(new_size),
        proof=proof,
    )


def test_inclusion_with_an_extra_hash() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        include([*TREE.inclusion(4, 7), ANY])


def test_inclusion_with_an_extra_hash_in_front() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        include([ANY, *TREE.inclusion(4, 7)])


def test_inclusion_with_a_missing_hash() -> None:
    with pytest.raises(MalformedProof, match="too short"):
        include(TREE.inclusion(4, 7)[:-1])


def test_inclusion_without_hashes() -> None:
    with pytest.raises(MalformedProof, match="too short"):
        include([])


def test_inclusion_with_hashes_in_another_order() -> None:
    with pytest.raises(RootMismatch):
        include(TREE.inclusion(4, 7)[::-1])


def test_inclusion_with_a_flipped_leaf_hash() -> None:
    wrong = bytes([TREE.leaves[4][0] ^ 1]) + TREE.leaves[4][1:]
    with pytest.raises(RootMismatch):
        include(TREE.inclusion(4, 7), leaf=wrong)


def test_inclusion_at_the_index_after_the_last() -> None:
    with pytest.raises(MalformedProof, match="index 7 is not in a tree of size 7"):
        include(TREE.inclusion(4, 7), index=7)


def test_inclusion_at_a_negative_index() -> None:
    with pytest.raises(MalformedProof):
        include(TREE.inclusion(4, 7), index=-3)


def test_inclusion_in_the_empty_tree() -> None:
    with pytest.raises(MalformedProof, match="not in a tree of size 0"):
        include([], index=0, size=0)


def test_inclusion_in_a_tree_of_2_to_the_63() -> None:
    with pytest.raises(MalformedProof):
        include([ANY] * 63, size=1 << 63)


def test_inclusion_with_64_hashes_in_a_small_tree() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        include([*TREE.inclusion(4, 7), *[ANY] * 61])


def test_inclusion_with_64_hashes_in_the_largest_tree() -> None:
    """63 are the levels of a tree of 2^63 - 1 leaves."""
    size = (1 << 63) - 1
    root_from_inclusion(index=0, size=size, leaf_hash=ANY, proof=[ANY] * 63)
    with pytest.raises(MalformedProof, match="too long"):
        root_from_inclusion(index=0, size=size, leaf_hash=ANY, proof=[ANY] * 64)


def test_inclusion_with_a_million_hashes() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        include([ANY] * 1_000_000)


def test_inclusion_with_a_proof_hash_of_31_bytes() -> None:
    first, *rest = TREE.inclusion(4, 7)
    with pytest.raises(MalformedProof, match="32 bytes"):
        include([first[:31], *rest])


def test_inclusion_with_two_proof_hashes_cut_at_another_place() -> None:
    """Neighbouring hashes that join to the same bytes are another proof."""
    first, second, *rest = TREE.inclusion(4, 7)
    with pytest.raises(MalformedProof, match="32 bytes"):
        include([first + second[:1], second[1:], *rest])


def test_inclusion_of_a_leaf_hash_of_33_bytes() -> None:
    with pytest.raises(MalformedProof, match="32 bytes"):
        include(TREE.inclusion(4, 7), leaf=TREE.leaves[4] + b"\0")


def test_inclusion_under_an_empty_root_hash() -> None:
    with pytest.raises(MalformedProof, match="32 bytes"):
        verify_inclusion(
            index=0, size=1, leaf_hash=TREE.leaves[0], proof=[], root_hash=b""
        )


def test_a_single_leaf_with_a_proof() -> None:
    """In a tree of one leaf the leaf hash is the root."""
    with pytest.raises(MalformedProof, match="too long"):
        verify_inclusion(
            index=0,
            size=1,
            leaf_hash=TREE.leaves[0],
            proof=[ANY],
            root_hash=TREE.root(1),
        )


def test_consistency_with_an_extra_hash() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        consist([*TREE.consistency(3, 7), ANY])


def test_consistency_with_a_missing_hash() -> None:
    with pytest.raises(MalformedProof, match="too short"):
        consist(TREE.consistency(3, 7)[:-1])


def test_consistency_without_hashes() -> None:
    with pytest.raises(MalformedProof, match="too short"):
        consist([])


def test_consistency_with_hashes_in_another_order() -> None:
    with pytest.raises(RootMismatch):
        consist(TREE.consistency(3, 7)[::-1])


def test_consistency_with_a_hash_of_31_bytes() -> None:
    first, *rest = TREE.consistency(3, 7)
    with pytest.raises(MalformedProof, match="32 bytes"):
        consist([first, rest[0][:31], *rest[1:]])


def test_consistency_with_a_larger_old_tree() -> None:
    with pytest.raises(MalformedProof, match="no subtree"):
        consist(TREE.consistency(3, 7), old_size=7, new_size=3)


def test_consistency_from_a_negative_size() -> None:
    with pytest.raises(MalformedProof):
        verify_consistency(
            old_size=-1, new_size=7, old_root=ANY, new_root=TREE.root(7), proof=[]
        )


def test_consistency_of_equal_sizes_with_a_proof() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        consist([ANY], old_size=7, new_size=7)


def test_consistency_of_equal_sizes_with_other_roots() -> None:
    with pytest.raises(RootMismatch):
        verify_consistency(
            old_size=7, new_size=7, old_root=ANY, new_root=TREE.root(7), proof=[]
        )


def test_consistency_from_size_0_with_a_proof() -> None:
    with pytest.raises(MalformedProof, match="too long"):
        consist([ANY], old_size=0)


def test_consistency_from_size_0_with_another_root_than_the_empty() -> None:
    with pytest.raises(RootMismatch):
        verify_consistency(
            old_size=0, new_size=7, old_root=ANY, new_root=TREE.root(7), proof=[]
        )


def test_consistency_to_size_0_with_another_root_than_the_empty() -> None:
    with pytest.raises(RootMismatch):
        verify_consistency(
            old_size=0, new_size=0, old_root=EMPTY_ROOT, new_root=ANY, proof=[]
        )


def test_consistency_from_a_power_of_two_with_the_old_root_in_the_proof() -> None:
    """The verifier has that root: the proof of RFC 6962 leaves it out."""
    consist(TREE.consistency(4, 7), old_size=4)
    with pytest.raises(MalformedProof, match="too long"):
        consist([TREE.root(4), *TREE.consistency(4, 7)], old_size=4)


def test_consistency_from_a_power_of_two_without_hashes() -> None:
    with pytest.raises(MalformedProof, match="too short"):
        consist([], old_size=4)


def test_consistency_with_an_old_root_that_only_the_prover_knows() -> None:
    """The new root is right, and the old one is not that of a prefix."""
    with pytest.raises(RootMismatch) as caught:
        verify_consistency(
            old_size=3,
            new_size=7,
            old_root=TREE.root(2),
            new_root=TREE.root(7),
            proof=TREE.consistency(3, 7),
        )

    assert caught.value.calculated == TREE.root(3)


def test_consistency_with_65_hashes_in_the_largest_tree() -> None:
    """An old tree of 3 leaves brings the one hash more than there are levels."""
    for count, refusal in [(64, RootMismatch), (65, MalformedProof)]:
        with pytest.raises(refusal):
            verify_consistency(
                old_size=3,
                new_size=(1 << 63) - 1,
                old_root=ANY,
                new_root=ANY,
                proof=[ANY] * count,
            )


@pytest.mark.parametrize(("start", "end"), [(3, 5), (2, 6), (5, 4), (6, 8), (-2, 0)])
def test_a_range_that_is_no_subtree(start: int, end: int) -> None:
    with pytest.raises(MalformedProof, match="no subtree"):
        verify_subtree(
            start=start,
            end=end,
            size=7,
            subtree_hash=ANY,
            root_hash=TREE.root(7),
            proof=[],
        )


def test_an_empty_subtree_with_another_hash_than_the_empty_root() -> None:
    with pytest.raises(RootMismatch):
        verify_subtree(
            start=3,
            end=3,
            size=7,
            subtree_hash=ANY,
            root_hash=TREE.root(7),
            proof=[],
        )
