"""Which nodes make a proof, against the RFC's own generators."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.merkle import (
    ReferenceTree,
    accepts_inclusion,
    covering_subtrees,
    is_valid_subtree,
)

from proofs.nodes import (
    Node,
    assemble_proof,
    is_subtree,
    proof_nodes,
    range_nodes,
    subtree_proof_ranges,
)

VECTORS = Path(__file__).parents[1] / "vectors"
TABLES = json.loads((VECTORS / "merkle/transcribed.json").read_text())["node_id_tables"]

TREE = ReferenceTree([b"%d" % index for index in range(300)])
NODES = {
    Node(level, index): TREE.mth(index << level, (index + 1) << level)
    for level in range(9)
    for index in range(300 >> level)
}


def build_proof(start: int, end: int, size: int) -> list[bytes]:
    return assemble_proof(subtree_proof_ranges(start, end, size), NODES)


def nodes_in_table_order(start: int, end: int, size: int) -> list[list[int]]:
    """The tables list the nodes of one hash from right to left."""
    return [
        list(node)
        for proof_range in subtree_proof_ranges(start, end, size)
        for node in reversed(range_nodes(*proof_range))
    ]


@given(st.integers(0, 1 << 63), st.integers(0, 1 << 63))
def test_range_nodes_cover_the_range_from_left_to_right(one: int, other: int) -> None:
    start, end = sorted((one, other))
    position = start
    for level, index in range_nodes(start, end):
        assert index << level == position
        position = (index + 1) << level

    assert position == end


def test_range_nodes_are_the_fewest() -> None:
    """No two neighbours are siblings: else their parent would cover both."""
    for start in range(65):
        for end in range(start, 65):
            nodes = range_nodes(start, end)
            for left, right in pairwise(nodes):
                assert left.level != right.level or left.index & 1


def test_the_empty_range_has_no_nodes() -> None:
    assert range_nodes(5, 5) == []


def test_the_range_of_a_tree_has_a_node_for_each_set_bit_of_its_size() -> None:
    assert range_nodes(0, 0b10110) == [Node(4, 0), Node(2, 4), Node(1, 10)]


def test_is_subtree_is_the_definition_of_the_draft() -> None:
    for end in range(130):
        for start in range(-1, 131):
            assert is_subtree(start, end) == is_valid_subtree(start, end)


def test_inclusion_proofs_of_every_leaf_in_every_size_to_300() -> None:
    for size in range(1, 301):
        for index in range(size):
            expected = TREE.inclusion(index, size)

            assert build_proof(index, index + 1, size) == expected


def test_consistency_proofs_of_every_pair_of_sizes_to_300() -> None:
    for size in range(1, 301):
        for old_size in range(1, size + 1):
            expected = TREE.consistency(old_size, size)

            assert build_proof(0, old_size, size) == expected


def test_subtree_proofs_of_every_subtree_in_every_size_to_60() -> None:
    for size in range(61):
        for end in range(size + 1):
            for start in filter(lambda start: is_subtree(start, end), range(end + 1)):
                expected = TREE.subtree_proof(start, end, size)

                assert build_proof(start, end, size) == expected


def test_one_leaf_is_proven_as_by_its_inclusion_proof() -> None:
    assert TREE.subtree_proof(41, 42, 300) == TREE.inclusion(41, 300)


def test_the_empty_tree_needs_no_proof() -> None:
    assert subtree_proof_ranges(0, 0, 300) == []


def test_a_proof_in_the_largest_tree_takes_log_many_nodes() -> None:
    size = (1 << 63) - 1
    ranges = subtree_proof_ranges(12345, 12346, size)

    assert len(ranges) == 63
    assert len(proof_nodes(ranges)) <= 2 * 63


@pytest.mark.parametrize(
    ("start", "end", "size"),
    [(0, 8, 7), (7, 8, 7), (3, 5, 8), (5, 4, 8), (-1, 0, 8), (1, 1 << 65, 1 << 65)],
)
def test_what_is_no_subtree_has_no_proof(start: int, end: int, size: int) -> None:
    with pytest.raises(ValueError, match="no subtree"):
        subtree_proof_ranges(start, end, size)


@pytest.mark.parametrize("case", TABLES["inclusion_node_ids"])
def test_inclusion_table(case: dict[str, Any]) -> None:
    index, size = case["index"], case["size"]
    if case["wantErr"]:
        with pytest.raises(ValueError, match="no subtree"):
            subtree_proof_ranges(index, index + 1, size)
    else:
        assert nodes_in_table_order(index, index + 1, size) == case["nodes"]


@pytest.mark.parametrize("case", TABLES["consistency_node_ids"])
def test_consistency_table(case: dict[str, Any]) -> None:
    """From size 0, the table has an error and tlog-witness an empty proof."""
    old_size, size = case["size1"], case["size2"]
    if old_size == 0:
        assert nodes_in_table_order(0, old_size, size) == []
    elif case["wantErr"]:
        with pytest.raises(ValueError, match="no subtree"):
            subtree_proof_ranges(0, old_size, size)
    else:
        assert nodes_in_table_order(0, old_size, size) == case["nodes"]


@pytest.mark.parametrize("case", TABLES["subtree_consistency_node_ids"])
def test_subtree_table(case: dict[str, Any]) -> None:
    start, end, size = case["start"], case["end"], case["size"]
    if case["wantErr"]:
        with pytest.raises(ValueError, match="no subtree"):
            subtree_proof_ranges(start, end, size)
    else:
        assert nodes_in_table_order(start, end, size) == case["nodes"]


@given(st.integers(0, 300), st.integers(0, 300))
def test_any_range_is_covered_by_two_subtrees(one: int, other: int) -> None:
    """So two subtree proofs prove any range of entries."""
    start, end = sorted((one, other))

    (left_start, middle), (right_start, right_end) = covering_subtrees(start, end)

    assert left_start <= start
    assert (right_start, right_end) == (middle, end)
    assert is_subtree(left_start, middle)
    assert is_subtree(middle, end)


@given(st.data())
def test_a_leaf_is_proven_inside_a_subtree_as_in_a_tree_of_its_own(
    data: st.DataObject,
) -> None:
    """Within [start, end), index - start has an inclusion proof for end - start."""
    end = data.draw(st.integers(1, 300))
    start = data.draw(st.sampled_from([s for s in range(end) if is_subtree(s, end)]))
    index = data.draw(st.integers(start, end - 1))

    shifted = [
        (start + low, start + high)
        for low, high in subtree_proof_ranges(
            index - start, index - start + 1, end - start
        )
    ]

    assert accepts_inclusion(
        index - start,
        end - start,
        TREE.leaves[index],
        assemble_proof(shifted, NODES),
        TREE.mth(start, end),
    )
