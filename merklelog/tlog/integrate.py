"""Integration: what a commit adds to the tree, computed in memory.

Nothing here reads the store or changes any state. A commit whose write fails
leaves the edge it started from untouched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.compact import CompactRange, NodeRun
from proofs.hashing import HASH_SIZE
from proofs.tiles import TILE_HEIGHT, TILE_WIDTH, Tile

TILE_BYTES = TILE_WIDTH * HASH_SIZE


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
