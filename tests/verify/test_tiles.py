"""Tiles and entry bundles: paths, widths, and the nodes in them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.merkle import ReferenceTree

from proofs.errors import MalformedTile
from proofs.nodes import Node
from proofs.tiles import (
    MAX_ENTRY_SIZE,
    Bundle,
    Tile,
    decode_bundle,
    encode_bundle,
    node_from_tile,
    parse_tile_path,
    perfect_root,
    tile_of_node,
    tile_width,
    tiles_of_size,
)

VECTORS = Path(__file__).parents[1] / "vectors"
LAYOUT = json.loads((VECTORS / "tessera/layout.json").read_text())
SUMDB = json.loads((VECTORS / "golang-mod/tlog.json").read_text())["tile_paths_sumdb"]

TREE = ReferenceTree([b"%d" % index for index in range(600)])

INDEXES = st.integers(0, 2000) | st.integers(0, (1 << 63) - 1)
WIDTHS = st.integers(1, 256)
TILES = st.builds(Tile, st.integers(0, 63), INDEXES, WIDTHS)
BUNDLES = st.builds(Bundle, INDEXES, WIDTHS)

# Made of the pieces of a path, so that many are nearly one.
PIECES = ["tile", "/", "entries", "x", "000", "x001", "234", ".p/", ".p", "255", "256"]
STRAY = ["0", "5", "63", "64", "1", "01", "0001", "-1", "%2e%2e", "..", "\n"]
NEARLY_PATHS = st.lists(st.sampled_from(PIECES + STRAY), max_size=10).map("".join)


@given(TILES | BUNDLES)
def test_a_path_round_trips(tile: Tile | Bundle) -> None:
    assert parse_tile_path(tile.path) == tile


@given(st.text() | NEARLY_PATHS | NEARLY_PATHS.map("tile/0/{}".format))
def test_whatever_parses_as_a_path_is_spelled_like_it(text: str) -> None:
    try:
        tile = parse_tile_path(text)
    except MalformedTile:
        return
    assert tile.path == text


@pytest.mark.parametrize(("level", "index", "width", "path"), LAYOUT["tile_path"])
def test_tile_paths_of_tessera(level: int, index: int, width: int, path: str) -> None:
    """A width of 0 means full there."""
    assert Tile(level, index, width or 256).path == path


@pytest.mark.parametrize(("index", "width", "path"), LAYOUT["entries_path"])
def test_bundle_paths_of_tessera(index: int, width: int, path: str) -> None:
    assert Bundle(index, width or 256).path == path


@pytest.mark.parametrize(("index", "size", "path"), LAYOUT["entries_path_for_index"])
def test_the_bundle_of_an_entry_in_tessera(index: int, size: int, path: str) -> None:
    bundle = Bundle(index // 256, tile_width(0, index // 256, size))

    assert bundle.path == path


@pytest.mark.parametrize(("level", "rest", "want", "n", "width"), LAYOUT["parse_ok"])
def test_paths_that_tessera_parses(
    level: str, rest: str, want: int, n: int, width: int
) -> None:
    assert parse_tile_path(f"tile/{level}/{rest}") == Tile(want, n, width or 256)


@pytest.mark.parametrize(("level", "rest"), LAYOUT["parse_bad"])
def test_paths_that_tessera_refuses(level: str, rest: str) -> None:
    with pytest.raises(MalformedTile):
        parse_tile_path(f"tile/{level}/{rest}")


@pytest.mark.parametrize(("path", "tile"), SUMDB["cases"])
def test_paths_with_a_tile_height_are_those_of_another_format(
    path: str, tile: dict[str, int] | None
) -> None:
    """Go's sumdb puts the height before the level, and writes the same places."""
    with pytest.raises(MalformedTile):
        parse_tile_path(path)
    if tile and tile["L"] >= 0:
        partial = tile["W"] if ".p/" in path else 256
        place = path.split("/", 3)[3]
        expected = f"tile/{tile['L']}/{place}"
        assert Tile(tile["L"], tile["N"], partial).path == expected


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/5/",
        "tile/0/000.p/-1",
        "tile/0/000/",
        "tile/0/x000/001",
        "tile/0/x000",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/1",
        "tile/0/00",
        "tile/0/0001",
        "tile/0/-01",
        "tile/0/X001/002",
        "tile/0/",
        "tile/0",
        "tile//000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0/%2e%2e",
        "tile/0/..",
        "tile/0/../0/000",
        "tile/0%2f000",
        "tile/0/000\n",
        " tile/0/000",
        "/tile/0/000",
        "tile/0/000?",
        "TILE/0/000",
        "tile/entries",
        "tile/entries/0",
        "tile/entries/000.p/0",
        "tile/entries/000.p/256",
        "tile/entries/x000/000",
        "tile/data/000",
        "tile/\u0660/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x009/x223/x372/x036/x854/x775/808",  # 2^63
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        "",
        "checkpoint",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        parse_tile_path(path)


def test_the_last_index_there_is_has_a_path() -> None:
    path = "tile/0/x009/x223/x372/x036/x854/x775/807.p/255"

    assert parse_tile_path(path) == Tile(0, (1 << 63) - 1, 255)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 1 << 63, 1), (0, 0, 0), (0, 0, 257)],
)
def test_a_tile_that_has_no_path_cannot_be_made(
    level: int, index: int, width: int
) -> None:
    with pytest.raises(MalformedTile):
        Tile(level, index, width)


@pytest.mark.parametrize(("index", "width"), [(-1, 1), (1 << 63, 1), (0, 0), (0, 257)])
def test_a_bundle_that_has_no_path_cannot_be_made(index: int, width: int) -> None:
    with pytest.raises(MalformedTile):
        Bundle(index, width)


def test_a_tile_and_a_bundle_are_never_the_same_thing() -> None:
    assert len({Tile(0, 5), Bundle(0, 5), Bundle(0), Tile(0, 0)}) == 4


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_round_trips(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@given(st.binary(), st.integers(0, 256))
def test_whatever_decodes_as_a_bundle_encodes_to_it(data: bytes, width: int) -> None:
    try:
        entries = decode_bundle(data, width)
    except MalformedTile:
        return
    assert len(entries) == width
    assert encode_bundle(entries) == data


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=4), st.data())
def test_a_bundle_cut_anywhere_is_refused(
    entries: list[bytes], data: st.DataObject
) -> None:
    whole = encode_bundle(entries)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(MalformedTile):
        decode_bundle(whole[:cut], len(entries))


@pytest.mark.parametrize("case", LAYOUT["bundle_parse"])
def test_bundles_of_tessera(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    if case["ok"]:
        entries = [bytes.fromhex(entry) for entry in case["entries"]]
        assert decode_bundle(data, len(entries)) == entries
    else:
        for width in range(3):
            with pytest.raises(MalformedTile):
                decode_bundle(data, width)


def test_a_bundle_has_big_endian_lengths() -> None:
    assert encode_bundle([b"a" * 258, b""]) == b"\x01\x02" + b"a" * 258 + b"\x00\x00"


def test_a_bundle_with_one_entry_more_than_its_width_is_refused() -> None:
    with pytest.raises(MalformedTile, match="no bundle of 2 entries"):
        decode_bundle(encode_bundle([b"a", b"b", b"c"]), 2)


def test_a_bundle_with_one_entry_less_than_its_width_is_refused() -> None:
    with pytest.raises(MalformedTile, match="no bundle of 4 entries"):
        decode_bundle(encode_bundle([b"a", b"b", b"c"]), 4)


def test_a_bundle_with_a_byte_after_it_is_refused() -> None:
    with pytest.raises(MalformedTile):
        decode_bundle(encode_bundle([b"a", b"b"]) + b"\0", 2)


def test_the_longest_entry_has_65535_bytes() -> None:
    longest = bytes(MAX_ENTRY_SIZE)

    assert decode_bundle(encode_bundle([longest]), 1) == [longest]
    with pytest.raises(MalformedTile, match="65536 bytes"):
        encode_bundle([longest + b"\0"])


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        (0, [[]]),
        (1, [[1], []]),
        (255, [[255], []]),
        (256, [[256], [1], []]),
        (257, [[256, 1], [1], []]),
        (70000, [[256] * 273 + [112], [256, 17], [1], []]),
    ],
)
def test_the_widths_of_the_tiles_of_a_tree(size: int, widths: list[list[int]]) -> None:
    for level, expected in enumerate(widths):
        beyond = range(len(expected) + 3)
        found = [tile_width(level, index, size) for index in beyond]
        assert found == [*expected, 0, 0, 0]


def test_the_spec_examples_of_widths_are_the_published_ones() -> None:
    published = LAYOUT["partial_widths_spec_examples"]["70000"]

    assert published["level0_full"] == 273
    assert tile_width(0, 273, 70000) == published["level0_partial"]
    assert tile_width(1, 1, 70000) == published["level1_partial"]
    assert tile_width(2, 0, 70000) == published["level2_partial"]


@pytest.mark.parametrize("case", LAYOUT["range"])
def test_bundles_of_a_range_in_tessera_have_the_width_of_theirs(
    case: dict[str, Any],
) -> None:
    for index, partial, _, _ in case["want"]:
        assert tile_width(0, index, case["tree_size"]) == partial or 256


def test_a_width_beyond_the_tree_is_seen_by_its_size() -> None:
    """What a server compares a request with: .p/6 of a tree of 5 is not there."""
    assert tile_width(0, 0, 5) == 5


def test_a_full_tile_is_not_there_before_its_last_hash() -> None:
    assert tile_width(0, 0, 255) == 255
    assert tile_width(1, 0, 65535) == 255


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65535, 65536, 70000])
def test_the_tiles_of_a_size_are_all_that_have_a_width(size: int) -> None:
    expected = [
        Tile(level, index, width)
        for level in range(4)
        for index in range(size // 256 + 2)
        if (width := tile_width(level, index, size))
    ]

    assert list(tiles_of_size(size)) == expected


@pytest.mark.parametrize("row", LAYOUT["node_to_tile"])
def test_the_place_of_a_node_in_tessera(row: list[int]) -> None:
    level, index, tile_level, tile_index, height, offset = row

    tile = tile_of_node(Node(level, index), 1 << 62)

    assert (tile.level, tile.index) == (tile_level, tile_index)
    assert (level % 8, (index << height) % 256 >> height) == (height, offset)


def tile_bytes(tile: Tile) -> bytes:
    level, first = 8 * tile.level, 256 * tile.index
    return b"".join(
        TREE.mth(index << level, (index + 1) << level)
        for index in range(first, first + tile.width)
    )


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 257, 511, 512, 513, 600])
def test_every_node_of_a_tree_comes_from_its_tile(size: int) -> None:
    for level in range(10):
        for index in range(size >> level):
            node = Node(level, index)
            expected = TREE.mth(index << level, (index + 1) << level)
            tile = tile_of_node(node, size)

            assert tile in set(tiles_of_size(size))
            assert node_from_tile(node, tile_bytes(tile)) == expected


@pytest.mark.parametrize("node", [Node(0, 7), Node(1, 3), Node(3, 0), Node(-1, 0)])
def test_a_node_outside_the_tree_has_no_tile(node: Node) -> None:
    with pytest.raises(ValueError, match="does not have"):
        tile_of_node(node, 7)


def test_a_node_at_a_negative_index_has_no_tile() -> None:
    with pytest.raises(ValueError, match="does not have"):
        tile_of_node(Node(0, -1), 7)


def test_a_node_beyond_the_end_of_a_tile_is_refused() -> None:
    """A shorter tile has hashes for its beginning, and no other."""
    data = tile_bytes(Tile(0, 0, 6))
    with pytest.raises(MalformedTile, match="too narrow"):
        node_from_tile(Node(1, 3), data)
    with pytest.raises(MalformedTile, match="too narrow"):
        node_from_tile(Node(2, 1), data)


def test_half_a_hash_at_the_end_of_a_tile_is_refused() -> None:
    with pytest.raises(MalformedTile, match="too narrow"):
        node_from_tile(Node(0, 5), tile_bytes(Tile(0, 0, 6))[:-16])


@pytest.mark.parametrize("levels", range(9))
def test_the_root_over_a_power_of_two_of_hashes(levels: int) -> None:
    hashes = b"".join(TREE.leaves[: 1 << levels])

    assert perfect_root(hashes) == TREE.root(1 << levels)
