"""Compact ranges: appending in any portions gives the tree of the RFC."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.merkle import ReferenceTree

from proofs.compact import CompactRange, fold_range
from proofs.errors import MalformedError
from proofs.hashing import EMPTY_ROOT

VECTORS = Path(__file__).parents[1] / "vectors"
MERKLE = json.loads((VECTORS / "merkle/transcribed.json").read_text())
TREE = ReferenceTree([b"%d" % index for index in range(300)])


def test_the_empty_range_has_the_empty_root() -> None:
    assert CompactRange().root() == EMPTY_ROOT


def test_roots_are_the_published_ones() -> None:
    grown = CompactRange()
    roots = {"0": grown.root().hex()}
    for leaf in MERKLE["leaf_hashes"]:
        grown.append(bytes.fromhex(leaf))
        roots[str(grown.size)] = grown.root().hex()

    assert roots == MERKLE["roots_by_size"]


def test_appending_gives_the_reference_root_at_every_size_to_300() -> None:
    grown = CompactRange()
    for size, leaf in enumerate(TREE.leaves, start=1):
        grown.append(leaf)

        assert grown.root() == TREE.root(size)


def test_the_hashes_are_the_subtrees_of_the_set_bits_of_the_size() -> None:
    grown = CompactRange()
    grown.extend(TREE.leaves[:7])

    assert grown.hashes == (TREE.mth(0, 4), TREE.mth(4, 6), TREE.mth(6, 7))


@given(st.lists(st.integers(0, 40), max_size=7))
def test_extending_in_any_portions_is_appending_one_by_one(portions: list[int]) -> None:
    grown = CompactRange()
    for count in portions:
        grown.extend(TREE.leaves[grown.size : grown.size + count])

    assert grown.size == sum(portions)
    assert grown.root() == TREE.root(sum(portions))


@given(st.integers(0, 150), st.integers(0, 150))
def test_extend_returns_every_node_that_it_completed(old_size: int, count: int) -> None:
    """Each node over leaves of the new tree that the old tree did not have, once."""
    new_size = old_size + count
    grown = CompactRange()
    grown.extend(TREE.leaves[:old_size])

    runs = grown.extend(TREE.leaves[old_size:new_size])

    completed = {
        (level, run.first + offset): digest
        for level, run in enumerate(runs)
        for offset, digest in enumerate(run.hashes)
    }
    assert completed == {
        (level, index): TREE.mth(index << level, (index + 1) << level)
        for level in range(9)
        for index in range(old_size >> level, new_size >> level)
    }


@given(st.integers(0, 300))
def test_a_range_taken_up_from_its_hashes_goes_on(size: int) -> None:
    stored = CompactRange()
    stored.extend(TREE.leaves[:size])

    resumed = CompactRange(stored.size, stored.hashes)
    resumed.extend(TREE.leaves[size:])

    assert resumed.root() == TREE.root(300)


def test_a_copy_grows_alone() -> None:
    original = CompactRange()
    original.extend(TREE.leaves[:5])

    original.copy().append(TREE.leaves[5])

    assert (original.size, original.root()) == (5, TREE.root(5))


def test_a_number_of_hashes_that_does_not_fit_the_size_is_refused() -> None:
    with pytest.raises(MalformedError, match="does not have 3 hashes"):
        CompactRange(4, TREE.leaves[:3])


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(MalformedError):
        CompactRange(-1, TREE.leaves[:1])


def test_a_hash_of_31_bytes_is_refused() -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        CompactRange(1, [bytes(31)])


def test_folding_one_subtree_is_that_subtree() -> None:
    assert fold_range([TREE.mth(0, 4)]) == TREE.mth(0, 4)
