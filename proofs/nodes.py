"""Which nodes make a proof, and the proof made from them.

A tree of *size* leaves is stored as its perfect subtrees only: a node stands for
``2**level`` leaves and never changes once those leaves are there. The other nodes of
a tree, along its right edge, last until the next append and are calculated from the
perfect ones when a proof needs them::

    level 3             [0,7)                 the root: not stored
                      /       \\
    level 2         n           [4,7)         [4,7): not stored
                 /     \\       /     \\
    level 1     n       n     n       |
               / \\     / \\   / \\      |
    level 0   0   1   2   3 4   5     6

The proof of leaf 2 in this tree holds the hashes over [3,4), [0,2) and [4,7). The
first two are nodes. The last is folded from two: [4,6) and [6,7).

So a proof comes about in three steps that do not know each other: the ranges it
consists of, the nodes that cover them, and, once somebody has read their hashes, the
proof. All of it is arithmetic in O(log size).
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .compact import fold_range


class Node(NamedTuple):
    """A perfect subtree: leaves ``[index << level, (index + 1) << level)``."""

    level: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls


def range_nodes(start: int, end: int) -> list[Node]:
    """Return the fewest perfect subtrees that cover ``[start, end)``, left to right.

    Requires 0 <= start; the list is empty when start >= end.
    """
    nodes: list[Node] = []
    while start < end:
        # The subtree that begins at start must end by end, and must be aligned: not
        # larger than the lowest bit set in start (0 is aligned to everything).
        left = end - start
        aligned = start & -start
        level = (aligned if 0 < aligned < left else left).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def is_subtree(start: int, end: int) -> bool:
    """Say whether ``[start, end)`` is a subtree of the trees that hold its leaves.

    It is when *start* is a multiple of the smallest power of two that is at least
    ``end - start`` (draft-ietf-plants-merkle-tree-certs section 4.1). ``[0, n)``
    always is, as is every single leaf and every empty range.
    """
    if start == end:
        return start >= 0
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def subtree_proof_ranges(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges whose hashes prove the subtree ``[start, end)`` of a tree.

    The ranges are half-open and in proof order, from the subtree up to the root. One
    generator serves three proofs:

    - inclusion of a leaf (RFC 6962 section 2.1.1): ``[index, index + 1)``
    - consistency with an older tree (section 2.1.2): ``[0, old_size)``
    - any other subtree (draft-ietf-plants-merkle-tree-certs section 4.4)

    Raises:
        ValueError: not a subtree, or not one of a tree of *size* leaves.
    """
    if not (is_subtree(start, end) and end <= size):
        raise ValueError(f"[{start}, {end}) is no subtree of a tree of size {size}")
    if start == end:
        return []
    # Walk down from the root, noting at each fork the branch not taken.
    ranges: list[tuple[int, int]] = []
    low, high = 0, size
    known = True  # Does the verifier hold the hash at which the walk ends?
    while (low, high) != (start, end):
        # A subtree of n leaves forks at the largest power of two smaller than n.
        fork = low + (1 << ((high - low - 1).bit_length() - 1))
        if end <= fork:
            ranges.append((fork, high))
            high = fork
        else:
            ranges.append((low, fork))
            if start < fork:
                # The fork divides [start, end) itself, whose left edge is low: its
                # left part is a node of both trees, its right part is looked for.
                start = fork
                known = False
            low = fork
    if not known:
        ranges.append((low, high))
    ranges.reverse()
    return ranges


def proof_nodes(ranges: Iterable[tuple[int, int]]) -> list[Node]:
    """Return the nodes whose hashes a proof over *ranges* is made from."""
    return [node for start, end in ranges for node in range_nodes(start, end)]


def assemble_proof(
    ranges: Iterable[tuple[int, int]], hashes: Mapping[Node, bytes]
) -> list[bytes]:
    """Return the proof over *ranges*: one 32-byte hash for each.

    *hashes* holds at least the ``proof_nodes(ranges)``.
    """
    return [
        fold_range([hashes[node] for node in range_nodes(start, end)])
        for start, end in ranges
    ]
