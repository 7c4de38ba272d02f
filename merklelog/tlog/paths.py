"""The inclusion proofs of the entries of one commit, built together.

The proofs of neighbours share most of their nodes. So they are built from the root
down: the path of a node is its sibling before the path of its parent. That is one
concatenation for each node of the commit's own subtree, where building each proof
alone would take log2(size) of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from proofs.hashing import node_hash

from .integrate import Edge, Integration

Path = TypeVar("Path", bytes, tuple[bytes, ...])

Encode = Callable[[bytes], Path]
"""Turns a node's hash into the part of a path that stands for it."""

# How many entries' paths are built at once. Reading one receipt of a commit of 65,536
# entries must not hold up the event loop for all of them.
PAGE = 1024

# How many pages of a commit are kept, at some 1.5 MB as text. Receipts are read in
# order, so that one would do but for readers that take turns.
_MOST_PAGES = 4


def as_hashes(node: bytes) -> tuple[bytes, ...]:
    """Encode paths as tuples of hashes."""
    return (node,)


class Paths:
    """The inclusion proof of each entry of a commit, under the commit's own root.

    Owned by the event loop, and as long-lived as the receipts read from it.
    """

    __slots__ = ("_first_index", "_pages", "_siblings", "_size")

    def __init__(self, commit: Integration) -> None:
        self._first_index = commit.before.size
        self._size = commit.after.size
        self._siblings = _Siblings(commit)
        # By encoding and page, the oldest first; built when the first path of a page
        # is read, and dropped again: a slow reader of a batch must not hold all.
        self._pages: dict[tuple[Encode[Any], int], Sequence[Any]] = {}

    def of(self, index: int, encode: Encode[Path]) -> Path:
        """Return the path of entry *index*, leaf to root: its encoded hashes, joined.

        Requires *index* to be one of the commit's. *encode* is one of a few module
        level functions: what it made is kept for a while.
        """
        page, place = divmod(index - self._first_index, PAGE)
        paths = self._pages.get((encode, page))
        if paths is None:
            if len(self._pages) >= _MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            paths = self._pages[encode, page] = self._build(page, encode)
        path: Path = paths[place]
        return path

    def _build(self, page: int, encode: Encode[Path]) -> Sequence[Path]:
        start = self._first_index + page * PAGE
        end = min(start + PAGE, self._size)
        paths = [encode(b"")[:0]]
        for level in range((self._size - 1).bit_length() - 1, -1, -1):
            first, last = start >> level, (end - 1) >> level
            first_parent = first >> 1
            below: list[Path] = []
            for index in range(first, last + 1):
                sibling = self._siblings.find(level, index ^ 1)
                path = paths[(index >> 1) - first_parent]
                below.append(path if sibling is None else encode(sibling) + path)
            paths = below
        return paths


class _Siblings:
    """The hashes beside the nodes that a commit touched."""

    __slots__ = ("_edge", "_old_peaks", "_runs", "_size")

    def __init__(self, commit: Integration) -> None:
        self._size = commit.after.size
        self._runs = commit.runs
        self._old_peaks = _peaks_by_level(commit.before)
        self._edge = _edge_hashes(commit.after)

    def find(self, level: int, index: int) -> bytes | None:
        """Return the hash of node *index* of *level*; None beyond the tree's edge."""
        if (index + 1) << level > self._size:
            return None if index << level >= self._size else self._edge[level]
        if level < len(self._runs) and index >= self._runs[level].first:
            run = self._runs[level]
            return run.hashes[index - run.first]
        # A whole node left of the commit whose sibling was not whole before: by
        # definition a subtree root of the old compact range.
        return self._old_peaks[level]


def _edge_hashes(edge: Edge) -> dict[int, bytes]:
    """Return the hash of the node that the tree's edge cuts off, by level.

    The perfect subtrees below a level on the edge lie right of all others, and
    together are exactly that node.
    """
    hashes: dict[int, bytes] = {}
    folded: bytes | None = None
    peaks = _peaks_by_level(edge)
    for level in range(edge.size.bit_length() + 1):
        if folded is not None:
            hashes[level] = folded
        if level in peaks:
            peak = peaks[level]
            folded = peak if folded is None else node_hash(peak, folded)
    return hashes


def _peaks_by_level(edge: Edge) -> dict[int, bytes]:
    """Return the hash of each peak of *edge*."""
    size = edge.size
    levels = [n for n in range(size.bit_length() - 1, -1, -1) if size >> n & 1]
    return dict(zip(levels, edge.peaks, strict=True))
