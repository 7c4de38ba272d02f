"""Tiles and entry bundles: a tree cut into files (c2sp.org/tlog-tiles).

A tile holds 256 neighbouring hashes of one level of the tree, every eighth level has
tiles, and the eight levels above the hashes of a tile are calculated from it::

    tile/2/000                            the roots of 256 level-1 tiles each
    tile/1/000  tile/1/001  ...           the roots of 256 level-0 tiles each
    tile/0/000  tile/0/001  ...           256 leaf hashes each
    tile/entries/000  ...                 the 256 entries of those leaves

A full tile never changes. The last one of a level is partial, ``.p/W``, with the
hashes there are, each over full tiles below; the next size gives it another width and
thus another path. Groups of three digits, all but the last behind an ``x``, keep
folders small: tile/0/x001/x234/067.p/89.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from .errors import MalformedError, MalformedTile
from .hashing import HASH_SIZE
from .nodes import Node
from .text import DECIMAL_LIMIT, parse_decimal

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

MAX_ENTRY_SIZE = (1 << 16) - 1
"""The longest entry that a bundle can hold, in bytes: its length is a u16."""

_LENGTH = struct.Struct(">H")

# The spec's limit; trees of less than 2^63 leaves stop at level 7.
_MAX_LEVEL = 63

_PATH = re.compile(
    r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Hashes ``[256 * index, 256 * index + width)`` of tree level ``8 * level``.

    As bytes it is those *width* hashes of 32 bytes, one after the other.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.level <= _MAX_LEVEL:
            raise MalformedTile(f"no tile has level {self.level}")
        _require_shape(self.index, self.width)

    @property
    def path(self) -> str:
        """The path under the log's prefix."""
        return f"tile/{self.level}/{_format_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entries ``[256 * index, 256 * index + width)``.

    As bytes it is, for each of them, its length as a big-endian u16 and itself.
    """

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _require_shape(self.index, self.width)

    @property
    def path(self) -> str:
        """The path under the log's prefix."""
        return f"tile/entries/{_format_place(self.index, self.width)}"


def parse_tile_path(path: str) -> Tile | Bundle:
    """Return the tile or entry bundle at *path*, as ``tile/0/x001/234.p/5``.

    Raises:
        MalformedTile: anything but the one canonical spelling.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedTile(f"not the path of a tile: {path[:64]!r}")
    level, groups, suffix = match.groups()
    digits = groups.replace("x", "").replace("/", "")
    try:
        index = parse_decimal(digits.lstrip("0") or "0")
        width = TILE_WIDTH if suffix is None else parse_decimal(suffix)
        tile = (
            Bundle(index, width)
            if level == "entries"
            else Tile(parse_decimal(level), index, width)
        )
    except MalformedError as error:
        raise MalformedTile(f"not the path of a tile: {path!r}") from error
    # x000/001 and .p/256 name a tile too, but not as a log writes it.
    if tile.path != path:
        raise MalformedTile(f"not the canonical path of {tile.path}: {path!r}")
    return tile


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle: (u16 length || entry) for each entry.

    Raises:
        MalformedTile: an entry is longer than MAX_ENTRY_SIZE.
    """
    # Spelled with slices because each commit of a log comes through here: 65 ns an
    # entry, where a loop takes 280.
    parts = [b""] * (2 * len(entries))
    parts[1::2] = entries
    try:
        parts[0::2] = map(_LENGTH.pack, map(len, entries))
    except struct.error as error:
        longest = max(map(len, entries))
        raise MalformedTile(f"no bundle holds an entry of {longest} bytes") from error
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the *width* entries of an entry bundle. Their hashes are not checked.

    Raises:
        MalformedTile: not exactly *width* entries and nothing after them.
    """
    entries: list[bytes] = []
    end = 0
    for _ in range(width):
        begin = end + 2
        end = begin + int.from_bytes(data[begin - 2 : begin], "big")
        entries.append(data[begin:end])
    # A bundle that stops early has sent end past its last byte, for good.
    if end != len(data):
        raise MalformedTile(f"{len(data)} bytes are no bundle of {width} entries")
    return entries


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of *size* leaves; 0 if it is absent.

    Also the number of entries in bundle *index*, with level 0.
    """
    hashes = (size >> (TILE_HEIGHT * level)) - TILE_WIDTH * index
    return max(0, min(TILE_WIDTH, hashes))


def tiles_of_size(size: int) -> Iterator[Tile]:
    """Yield every tile of a tree of *size* leaves, leaves first, left to right."""
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        full, partial = divmod(hashes, TILE_WIDTH)
        for index in range(full):
            yield Tile(level, index)
        if partial:
            yield Tile(level, full, partial)
        level += 1


def tile_of_node(node: Node, size: int) -> Tile:
    """Return the tile that *node* is in or calculated from, at its width at *size*.

    Raises:
        ValueError: the node is not a perfect subtree of a tree of *size* leaves.
    """
    if node.level < 0 or node.index < 0 or (node.index + 1) << node.level > size:
        raise ValueError(f"a tree of size {size} does not have {node}")
    level, height = divmod(node.level, TILE_HEIGHT)
    index = node.index << height >> TILE_HEIGHT
    return Tile(level, index, tile_width(level, index, size))


def node_from_tile(node: Node, data: bytes) -> bytes:
    """Return the hash of *node*, 32 bytes, from the bytes of the tile it is in.

    Which tile that is, is the caller's knowledge: see tile_of_node.

    Raises:
        MalformedTile: the tile ends before the hashes of the node do.
    """
    height = node.level % TILE_HEIGHT
    start = (node.index << height) % TILE_WIDTH * HASH_SIZE
    end = start + (HASH_SIZE << height)
    if end > len(data):
        raise MalformedTile(f"a tile of {len(data)} bytes is too narrow for {node}")
    return perfect_root(data[start:end])


def perfect_root(hashes: bytes) -> bytes:
    """Return the root over 1, 2, 4, 8... hashes of 32 bytes, one after the other.

    Requires such a number of them. Of a full tile, it is the hash that the tile
    above has for it.
    """
    pair = 2 * HASH_SIZE
    # Written out instead of calling node_hash: the 255 hashes over a tile are most of
    # the cost of a proof.
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), pair)
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + pair]).digest() for at in pairs]
        )
    return hashes


def _require_shape(index: int, width: int) -> None:
    if not 0 <= index < DECIMAL_LIMIT:
        raise MalformedTile(f"no tile has index {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedTile(f"no tile has width {width}")


def _format_place(index: int, width: int) -> str:
    groups = f"{index % 1000:03d}"
    while index := index // 1000:
        groups = f"x{index % 1000:03d}/{groups}"
    return groups if width == TILE_WIDTH else f"{groups}.p/{width}"
