"""Integration against the tree as the RFC defines it."""

import random

import pytest
from reference.merkle import ReferenceTree

from merklelog.tlog.integrate import (
    EMPTY_EDGE,
    Edge,
    Integration,
    edge_from_tiles,
    edge_tiles_of,
    integrate,
)
from proofs.tiles import Tile, tiles_of_size

ENTRIES = [str(i).encode() for i in range(1100)]
TREE = ReferenceTree(ENTRIES)
LEAVES = TREE.leaves


def grow(*sizes: int) -> list[Integration]:
    """Commit batches so that the tree reaches each of *sizes* in turn."""
    edge, commits = EMPTY_EDGE, []
    for size in sizes:
        commits.append(integrate(edge, LEAVES[edge.size : size]))
        edge = commits[-1].after
    return commits


@pytest.mark.parametrize("old_size", [0, 1, 2, 3, 7, 8, 100, 255, 256, 257, 300])
def test_every_batch_from_here_gives_the_root_of_the_rfc(old_size: int) -> None:
    """A commit of any number of leaves has the root that MTH defines."""
    edge = grow(old_size)[-1].after if old_size else EMPTY_EDGE
    for count in range(1, 300):
        commit = integrate(edge, LEAVES[old_size : old_size + count])

        assert commit.root_hash == TREE.root(old_size + count)


def random_growth(seed: int) -> list[int]:
    """Return the sizes of a log that grows in batches of mixed sizes."""
    chance = random.Random(seed)
    sizes = [0]
    while sizes[-1] < 1100:
        sizes.append(min(1100, sizes[-1] + chance.choice([1, 1, 2, 7, 255, 256, 300])))
    return sizes[1:]


@pytest.mark.parametrize("seed", range(10))
def test_the_tiles_written_last_are_the_tiles_of_the_tree(seed: int) -> None:
    """However the log grew, its newest tiles hold the hashes that the spec defines."""
    stored: dict[tuple[int, int], bytes] = {}
    for commit in grow(*random_growth(seed)):
        for tile, data in commit.tiles:
            stored[tile.level, tile.index] = data
    assert set(stored) == {(t.level, t.index) for t in tiles_of_size(1100)}
    for tile in tiles_of_size(1100):
        assert stored[tile.level, tile.index] == tile_of_reference(tile)


def tile_of_reference(tile: Tile) -> bytes:
    span = 256**tile.level
    first = tile.index * 256
    return b"".join(
        TREE.mth(i * span, (i + 1) * span) for i in range(first, first + tile.width)
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_full_tile_is_written_once_and_a_partial_one_only_grows(seed: int) -> None:
    """Nothing in a tile that was written ever changes."""
    stored: dict[tuple[int, int], bytes] = {}
    for commit in grow(*random_growth(seed)):
        for tile, data in commit.tiles:
            old = stored.get((tile.level, tile.index), b"")
            assert data.startswith(old)
            assert len(data) > len(old)
            stored[tile.level, tile.index] = data


def test_the_edge_read_from_tiles_is_the_edge_that_was_integrated() -> None:
    """Opening a log finds the state that the last commit left."""
    stored: dict[tuple[int, int], bytes] = {}
    for size, commit in enumerate(grow(*range(1, 700)), 1):
        stored |= {(tile.level, tile.index): data for tile, data in commit.tiles}

        assert edge_of(stored, size) == commit.after


def edge_of(stored: dict[tuple[int, int], bytes], size: int) -> Edge:
    tiles = [
        stored[tile.level, tile.index] if tile else b"" for tile in edge_tiles_of(size)
    ]
    return edge_from_tiles(size, tiles)


def test_an_edge_read_at_an_older_size_leaves_out_what_came_after() -> None:
    """The rollback guard compares roots of sizes that the store has passed."""
    stored: dict[tuple[int, int], bytes] = {}
    for commit in grow(*range(1, 600)):
        for tile, data in commit.tiles:
            stored[tile.level, tile.index] = data
    for size in (1, 255, 256, 300, 511, 512, 598):
        assert edge_of(stored, size) == grow(size)[-1].after


def test_an_edge_tile_that_lost_hashes_is_refused() -> None:
    """A short tile is never read as a smaller tree."""
    with pytest.raises(ValueError, match="lacks hashes"):
        edge_from_tiles(5, [b"\x00" * 32 * 4])
