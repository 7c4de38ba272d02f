"""Integration: what a commit adds to the tree, computed in memory.

Nothing here reads the store or changes any state. A commit whose write fails
leaves the edge it started from untouched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from proofs.compact import CompactRange, NodeRun, fold_range
from proofs.hashing import HASH_SIZE
from proofs.tiles import TILE_HEIGHT, TILE_WIDTH, Tile

TILE_BYTES = TILE_WIDTH * HASH_SIZE

Path = TypeVar("Path", str, tuple[bytes, ...])


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of the tree: all that appending needs, O(log size) bytes."""

    size: int
    """Number of leaves."""
    peaks: tuple[bytes, ...]
    """The compact range of [0, size), largest subtree first."""
    tiles: tuple[bytes, ...]
    """The partial tile of each tile level, from 0 up; b"" where its width is 0."""


EMPTY_EDGE = Edge(0, (), ())


@dataclass(frozen=True, slots=True)
class Integration:
    """What one commit makes of the tree."""

    before: Edge
    after: Edge
    root_hash: bytes
    """Root of the tree of ``after.size`` leaves."""
    tiles: Sequence[tuple[Tile, bytes]]
    """Every tile that is new or wider than before, with its bytes."""
    runs: Sequence[NodeRun]
    """Every perfect node that the commit completed, by level."""


def integrate(before: Edge, leaf_hashes: Sequence[bytes]) -> Integration:
    """Return the tree of *before* grown by *leaf_hashes*."""
    tree = CompactRange(before.size, before.peaks)
    runs = tree.extend(leaf_hashes)
    edge_tiles = list(before.tiles)
    grown: list[tuple[Tile, bytes]] = []
    for level, run in enumerate(runs[::TILE_HEIGHT]):
        if level == len(edge_tiles):
            edge_tiles.append(b"")
        hashes = edge_tiles[level] + b"".join(run.hashes)
        new_tiles = _cut_into_tiles(level, run.first // TILE_WIDTH, hashes)
        grown += new_tiles
        last_tile, last_bytes = new_tiles[-1]
        edge_tiles[level] = b"" if last_tile.width == TILE_WIDTH else last_bytes
    after = Edge(tree.size, tree.hashes, tuple(edge_tiles))
    return Integration(before, after, tree.root(), grown, runs)


def _cut_into_tiles(level: int, first: int, hashes: bytes) -> list[tuple[Tile, bytes]]:
    """Cut the *hashes* that start at tile *first* into tiles; the last may be partial.

    The edge tile that a commit widens is in *hashes* whole: tiles are stored and
    served at every width by truncation, never pieced together.
    """
    tiles = []
    for start in range(0, len(hashes), TILE_BYTES):
        data = hashes[start : start + TILE_BYTES]
        width = len(data) // HASH_SIZE
        tiles.append((Tile(level, first + start // TILE_BYTES, width), data))
    return tiles


def inclusion_paths(
    commit: Integration, encode: Callable[[bytes], Path]
) -> Sequence[Path]:
    """Return the inclusion proof of each new leaf, under the commit's root.

    A proof is the concatenation of its encoded hashes, leaf to root: with
    ``encode=lambda h: (h,)`` a tuple of hashes, with an *encode* to text the text.

    The proofs of one commit share most of their nodes, so they are built from the
    root down: the path of a node is its sibling before the path of its parent. That
    is one concatenation for each node of the commit's own subtree, where building
    each proof alone would take log2(size) of them.
    """
    old_size, new_size = commit.before.size, commit.after.size
    empty = encode(b"")[:0]
    paths = [empty]
    top = (new_size - 1).bit_length()
    siblings = _SiblingHashes(commit)
    for level in range(top - 1, -1, -1):
        first, last = old_size >> level, (new_size - 1) >> level
        first_parent = first >> 1
        below: list[Path] = []
        for index in range(first, last + 1):
            sibling = siblings.find(level, index ^ 1)
            path = paths[(index >> 1) - first_parent]
            below.append(path if sibling is None else encode(sibling) + path)
        paths = below
    return paths


class _SiblingHashes:
    """The hashes beside the nodes that a commit touched."""

    def __init__(self, commit: Integration) -> None:
        self._size = commit.after.size
        self._runs = commit.runs
        self._old_peaks = _by_level(commit.before)
        self._new_peaks = _by_level(commit.after)

    def find(self, level: int, index: int) -> bytes | None:
        """Return the hash of node *index* of *level*; None beyond the tree's edge."""
        if index << level >= self._size:
            return None
        if (index + 1) << level > self._size:
            # The node is cut off by the edge of the tree: its hash is that of the
            # perfect subtrees below *level* on the edge, which lie right of all
            # others and together are exactly this node.
            edge = [h for peak, h in self._new_peaks.items() if peak < level]
            return fold_range(edge)
        if level < len(self._runs) and index >= self._runs[level].first:
            run = self._runs[level]
            return run.hashes[index - run.first]
        # A whole node left of the commit whose sibling was not whole before: by
        # definition a subtree root of the old compact range.
        return self._old_peaks[level]


def _by_level(edge: Edge) -> dict[int, bytes]:
    """Return the peaks of *edge* by their level, highest first."""
    levels = [
        n for n in range(edge.size.bit_length() - 1, -1, -1) if edge.size >> n & 1
    ]
    return dict(zip(levels, edge.peaks, strict=True))


def edge_from_tiles(size: int, tiles: Sequence[bytes]) -> Edge:
    """Return the edge of a tree of *size*, given the partial tile of each tile level.

    *tiles* may be wider than the tree of *size* needs; what lies beyond is cut off.
    The caller compares the root with a signed one.
    """
    cut: list[bytes] = []
    peaks: list[bytes] = []
    for level, tile in enumerate(tiles):
        width = (size >> (TILE_HEIGHT * level)) % TILE_WIDTH
        if len(tile) < width * HASH_SIZE:
            raise ValueError(f"the edge tile of level {level} lacks hashes")
        cut.append(tile[: width * HASH_SIZE])
    for tile in reversed(cut):
        tree = CompactRange()
        tree.extend([tile[i : i + HASH_SIZE] for i in range(0, len(tile), HASH_SIZE)])
        peaks += tree.hashes
    return Edge(size, tuple(peaks), tuple(cut))


def edge_tiles_of(size: int) -> list[Tile | None]:
    """Return the partial tile of each tile level of a tree of *size*; None at width 0.

    Levels go up to the highest at which the tree has a hash.
    """
    tiles: list[Tile | None] = []
    level = 0
    while size >> (TILE_HEIGHT * level):
        hashes = size >> (TILE_HEIGHT * level)
        width = hashes % TILE_WIDTH
        tiles.append(Tile(level, hashes // TILE_WIDTH, width) if width else None)
        level += 1
    return tiles
