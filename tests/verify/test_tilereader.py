"""A tile reader returns the hashes of its tree, whoever serves the tiles."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.merkle import ReferenceTree

from proofs.errors import MalformedTile, RootMismatch
from proofs.hashing import EMPTY_ROOT, leaf_hash
from proofs.merkle import verify_consistency, verify_inclusion
from proofs.nodes import (
    Node,
    assemble_proof,
    proof_nodes,
    range_nodes,
    subtree_proof_ranges,
)
from proofs.text import parse_base64
from proofs.tilereader import TileReader
from proofs.tiles import Bundle, Tile, decode_bundle, tiles_of_size

GOLDEN_LOG = Path(__file__).parents[1] / "vectors/tessera/log"

# Three levels of tiles: 0/000 to 0/257.p/208, 1/000 and 1/001.p/1, 2/000.p/1.
LARGE = 66_000
TREE = ReferenceTree([b"%d" % index for index in range(LARGE)])
OTHER_LOG = ReferenceTree([b"other %d" % index for index in range(600)])

# Two levels: 0/000 full, 0/001.p/44, and 1/000.p/1 with the root of the first.
SMALL = 300


def mth(node: Node, tree: ReferenceTree = TREE) -> bytes:
    return tree.mth(node.index << node.level, (node.index + 1) << node.level)


def fetch(tile: Tile, tree: ReferenceTree = TREE) -> bytes:
    """Return the bytes of *tile*, as an honest server would."""
    first = 256 * tile.index
    return b"".join(
        mth(Node(8 * tile.level, index), tree)
        for index in range(first, first + tile.width)
    )


def fetch_all(tiles: list[Tile], tree: ReferenceTree = TREE) -> dict[Tile, bytes]:
    return {tile: fetch(tile, tree) for tile in tiles}


def reader_of(size: int) -> TileReader:
    return TileReader(size, TREE.root(size))


def every_node(size: int) -> Iterator[Node]:
    for level in range(size.bit_length()):
        for index in range(size >> level):
            yield Node(level, index)


# What an honest reader does.


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 600])
def test_every_node_is_read_as_the_tree_has_it(size: int) -> None:
    reader = reader_of(size)
    nodes = list(every_node(size))

    reader.authenticate(fetch_all(reader.tiles_for(nodes)))

    assert reader.hashes(nodes) == {node: mth(node) for node in nodes}


@given(st.integers(1, LARGE), st.data())
def test_any_node_of_any_tree_is_read_as_the_tree_has_it(
    size: int, data: st.DataObject
) -> None:
    levels = st.integers(0, size.bit_length() - 1)
    nodes = [
        Node(level, data.draw(st.integers(0, (size >> level) - 1)))
        for level in data.draw(st.lists(levels, max_size=5))
    ]
    reader = reader_of(size)

    reader.authenticate(fetch_all(reader.tiles_for(nodes)))

    assert reader.hashes(nodes) == {node: mth(node) for node in nodes}


def test_a_leaf_takes_the_edge_and_the_tiles_above_it() -> None:
    tiles = reader_of(LARGE).tiles_for([Node(0, 1000)])

    assert [tile.path for tile in tiles] == [
        "tile/2/000.p/1",
        "tile/1/000",
        "tile/1/001.p/1",
        "tile/0/003",
        "tile/0/257.p/208",
    ]


def test_every_tile_asked_for_is_a_tile_of_the_tree() -> None:
    nodes = list(every_node(SMALL))

    assert set(reader_of(SMALL).tiles_for(nodes)) == set(tiles_of_size(SMALL))


def test_what_is_proven_is_not_asked_for_again() -> None:
    reader = reader_of(LARGE)
    reader.authenticate(fetch_all(reader.tiles_for([Node(0, 1000)])))

    assert reader.tiles_for([Node(0, 1000), Node(5, 24)]) == []
    assert reader.tiles_for([Node(0, 0)]) == [Tile(0, 0)]


def test_tiles_may_come_one_by_one_after_the_edge() -> None:
    reader = reader_of(LARGE)
    reader.authenticate(fetch_all(reader.tiles_for([])))

    for tile in reader.tiles_for([Node(0, 1000)]):
        reader.authenticate({tile: fetch(tile)})

    assert reader.hashes([Node(0, 1000)]) == {Node(0, 1000): TREE.leaves[1000]}


def test_proofs_built_from_tiles_verify() -> None:
    reader = reader_of(LARGE)
    inclusion = subtree_proof_ranges(12345, 12346, LARGE)
    consistency = subtree_proof_ranges(0, 3000, LARGE)
    nodes = proof_nodes(inclusion + consistency)
    reader.authenticate(fetch_all(reader.tiles_for(nodes)))
    hashes = reader.hashes(nodes)

    verify_inclusion(
        index=12345,
        size=LARGE,
        leaf_hash=leaf_hash(b"12345"),
        proof=assemble_proof(inclusion, hashes),
        root_hash=TREE.root(LARGE),
    )
    verify_consistency(
        old_size=3000,
        new_size=LARGE,
        old_root=TREE.root(3000),
        new_root=TREE.root(LARGE),
        proof=assemble_proof(consistency, hashes),
    )


def test_a_walk_over_the_whole_log_holds_few_tiles() -> None:
    """The edge, the tile that is read, and the ones above it."""
    reader = reader_of(LARGE)
    for start in range(0, LARGE, 256):
        leaves = [Node(0, index) for index in range(start, min(start + 256, LARGE))]
        reader.drop_before(start)
        reader.authenticate(fetch_all(reader.tiles_for(leaves)))

        assert list(reader.hashes(leaves).values()) == TREE.leaves[start : start + 256]
        assert len(reader._proven) <= 5


def test_a_dropped_tile_has_to_be_proven_again() -> None:
    reader = reader_of(SMALL)
    reader.authenticate(fetch_all(list(tiles_of_size(SMALL))))
    reader.drop_before(256)

    with pytest.raises(ValueError, match="tile/0/000 was not authenticated"):
        reader.hashes([Node(0, 0)])
    assert reader.tiles_for([Node(0, 0)]) == [Tile(0, 0)]
    assert reader.hashes([Node(0, 256)]) == {Node(0, 256): TREE.leaves[256]}


def test_the_edge_stays_when_everything_is_dropped() -> None:
    reader = reader_of(SMALL)
    reader.authenticate(fetch_all(list(tiles_of_size(SMALL))))

    reader.drop_before(SMALL)

    assert reader.tiles_for([]) == []
    assert reader.hashes([Node(0, 299)]) == {Node(0, 299): TREE.leaves[299]}


def test_the_empty_tree_needs_no_tiles() -> None:
    reader = TileReader(0, EMPTY_ROOT)
    reader.authenticate({})

    assert reader.tiles_for([]) == []
    assert reader.hashes([]) == {}


# A full tile in place of a partial one, which the log may have deleted since.


def test_a_full_tile_does_for_a_partial_one() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))
    tiles[Tile(0, 1, 44)] = fetch(Tile(0, 1))
    reader.authenticate(tiles)

    assert reader.hashes([Node(0, 299)]) == {Node(0, 299): TREE.leaves[299]}


def test_a_full_tile_in_place_of_a_partial_one_proves_its_first_hashes_only() -> None:
    """What follows them may be anything, and is never returned."""
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))
    tiles[Tile(0, 1, 44)] += bytes(32 * (256 - 44))
    reader.authenticate(tiles)

    assert len(reader._proven[Tile(0, 1, 44)]) == 44 * 32
    with pytest.raises(ValueError, match="does not have"):
        reader.hashes([Node(0, 300)])


def test_a_full_tile_in_place_of_a_partial_one_is_checked_like_it() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))
    tiles[Tile(0, 1, 44)] = fetch(Tile(0, 0))

    with pytest.raises(RootMismatch):
        reader.authenticate(tiles)


# What an attacker may serve.


def test_no_byte_of_any_tile_can_be_flipped() -> None:
    honest = fetch_all(list(tiles_of_size(SMALL)))
    for tile, data in honest.items():
        for position in range(len(data)):
            wrong = bytearray(data)
            wrong[position] ^= 1 << (position % 8)
            reader = reader_of(SMALL)
            with pytest.raises(RootMismatch):
                reader.authenticate(honest | {tile: bytes(wrong)})


def test_a_flipped_tile_in_the_middle_of_a_large_tree_is_named() -> None:
    reader = reader_of(LARGE)
    tiles = fetch_all(reader.tiles_for([Node(0, 1000)]))
    tiles[Tile(0, 3)] = tiles[Tile(0, 3)][:-1] + b"\0"

    with pytest.raises(RootMismatch, match="tile/0/003") as caught:
        reader.authenticate(tiles)

    assert caught.value.subject == "tile/0/003"
    assert caught.value.expected == mth(Node(8, 3))


def test_two_swapped_tiles_are_refused() -> None:
    reader = reader_of(LARGE)
    tiles = fetch_all(reader.tiles_for([Node(0, 0), Node(0, 256)]))
    tiles[Tile(0, 0)], tiles[Tile(0, 1)] = tiles[Tile(0, 1)], tiles[Tile(0, 0)]

    with pytest.raises(RootMismatch):
        reader.authenticate(tiles)


def test_a_tile_of_another_level_is_refused() -> None:
    reader = reader_of(LARGE)
    tiles = fetch_all(reader.tiles_for([Node(0, 0)]))
    tiles[Tile(0, 0)] = tiles[Tile(1, 0)]

    with pytest.raises(RootMismatch):
        reader.authenticate(tiles)


def test_a_tile_of_another_log_is_refused() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([Node(0, 0)]))
    tiles[Tile(0, 0)] = fetch(Tile(0, 0), OTHER_LOG)

    with pytest.raises(RootMismatch):
        reader.authenticate(tiles)


def test_all_tiles_of_another_log_are_refused() -> None:
    """They agree with each other, and not with the root."""
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([Node(0, 0)]), OTHER_LOG)

    with pytest.raises(RootMismatch, match="the tree"):
        reader.authenticate(tiles)


def test_tiles_of_an_older_tree_are_refused() -> None:
    """A partial tile of the size that is asked for, from a narrower one."""
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))
    tiles[Tile(0, 1, 44)] = fetch(Tile(0, 1, 43))

    with pytest.raises(MalformedTile, match="has 1408 bytes, got 1376"):
        reader.authenticate(tiles)


def test_tiles_of_a_newer_tree_are_refused() -> None:
    """Only a full tile may stand for a partial one."""
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))
    tiles[Tile(0, 1, 44)] = fetch(Tile(0, 1, 45))

    with pytest.raises(MalformedTile, match="has 1408 bytes, got 1440"):
        reader.authenticate(tiles)


@pytest.mark.parametrize("length", [0, 1, 8191, 8193, 16384])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([Node(0, 0)]))
    tiles[Tile(0, 0)] = bytes(length)

    with pytest.raises(MalformedTile, match="has 8192 bytes"):
        reader.authenticate(tiles)


def test_a_tile_of_a_longer_tree_is_not_part_of_this_one() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))

    with pytest.raises(MalformedTile, match="a tree of size 300 does not have"):
        reader.authenticate(tiles | {Tile(0, 1): fetch(Tile(0, 1))})


@pytest.mark.parametrize("tile", [Tile(0, 1, 43), Tile(0, 0, 44), Tile(0, 0, 128)])
def test_a_tile_of_another_width_is_not_part_of_the_tree(tile: Tile) -> None:
    """Neither of the edge, nor of a tile that is full by now."""
    reader = reader_of(SMALL)
    tiles = fetch_all(reader.tiles_for([]))

    with pytest.raises(MalformedTile, match="a tree of size 300 does not have"):
        reader.authenticate(tiles | {tile: fetch(tile)})


def test_the_root_of_another_size_is_refused() -> None:
    reader = TileReader(SMALL, TREE.root(SMALL + 1))

    with pytest.raises(RootMismatch):
        reader.authenticate(fetch_all(reader.tiles_for([])))


def test_the_empty_tree_has_no_other_root() -> None:
    with pytest.raises(RootMismatch):
        TileReader(0, bytes(32))


# What its user may do wrong.


def test_nothing_is_proven_without_the_whole_edge() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(list(tiles_of_size(SMALL)))
    del tiles[Tile(0, 1, 44)]

    with pytest.raises(MalformedTile, match=r"without tile/0/001\.p/44"):
        reader.authenticate(tiles)


def test_nothing_is_proven_without_its_parent() -> None:
    reader = reader_of(LARGE)
    tiles = fetch_all(reader.tiles_for([Node(0, 0)]))
    del tiles[Tile(1, 0)]

    with pytest.raises(MalformedTile, match="cannot be proven without tile/1/000"):
        reader.authenticate(tiles)


def test_a_call_that_fails_keeps_nothing() -> None:
    reader = reader_of(SMALL)
    tiles = fetch_all(list(tiles_of_size(SMALL)))
    with pytest.raises(RootMismatch):
        reader.authenticate(tiles | {Tile(0, 0): bytes(8192)})

    assert set(reader.tiles_for([])) == {Tile(1, 0, 1), Tile(0, 1, 44)}
    with pytest.raises(ValueError, match="was not authenticated"):
        reader.hashes([Node(0, 299)])


@pytest.mark.parametrize("tile", list(tiles_of_size(SMALL)))
def test_a_proven_tile_is_checked_again_when_it_comes_again(tile: Tile) -> None:
    """Who reads a log again wants to know whether it is still the same."""
    reader = reader_of(SMALL)
    reader.authenticate(fetch_all(list(tiles_of_size(SMALL))))

    reader.authenticate({tile: fetch(tile)})
    with pytest.raises(RootMismatch):
        reader.authenticate({tile: bytes(32 * tile.width)})

    assert reader.hashes([Node(0, 0)]) == {Node(0, 0): TREE.leaves[0]}


def test_no_hash_is_returned_before_its_tile_is_proven() -> None:
    with pytest.raises(ValueError, match="tile/0/000 was not authenticated"):
        reader_of(SMALL).hashes([Node(0, 0)])


@pytest.mark.parametrize("node", [Node(0, SMALL), Node(9, 0), Node(0, -1)])
def test_a_node_outside_the_tree_is_refused(node: Node) -> None:
    with pytest.raises(ValueError, match="does not have"):
        reader_of(SMALL).tiles_for([node])


# The log of 15 entries that Tessera keeps for its own tests.


@pytest.mark.parametrize("size", range(1, 16))
def test_the_golden_log_is_read_and_derived_again(size: int) -> None:
    """Checkpoint, tiles and entries of every size it ever had agree."""
    lines = (GOLDEN_LOG / f"checkpoint.{size}").read_text().split("\n")
    assert lines[:2] == ["example.com/log/testdata", str(size)]
    root = parse_base64(lines[2], length=32)
    reader = TileReader(size, root)
    leaves = [Node(0, index) for index in range(size)]
    reader.authenticate(
        {
            tile: (GOLDEN_LOG / tile.path).read_bytes()
            for tile in reader.tiles_for(leaves)
        }
    )
    bundle = (GOLDEN_LOG / Bundle(0, size).path).read_bytes()

    entries = decode_bundle(bundle, size)

    assert list(reader.hashes(leaves).values()) == [leaf_hash(e) for e in entries]
    again = ReferenceTree(entries)
    assert again.root(size) == root
    assert reader.hashes(range_nodes(0, size)) == {
        peak: mth(peak, again) for peak in range_nodes(0, size)
    }
