"""Hashes read through tiles, each proven under a root.

Whoever serves tiles may be anybody: a mirror, a cache, an attacker. A reader takes no
hash from a tile before the tile itself is proven, from the root hash down:

1. The partial tiles, the right edge of the tree, hold exactly the hashes that a tree
   of this size folds into its root. All of them together are right, or one is wrong.
2. The root over a full tile is one of the hashes in the tile above it. That tile is
   proven first: it is full itself, or on the edge.

Reading a hash this way *is* checking its inclusion. It takes one tile for each eight
levels of the tree.

The reader does no I/O. Its user asks which tiles a question needs, gets them from
wherever they are, hands them in, and asks::

    reader = TileReader(checkpoint.size, checkpoint.root_hash)
    reader.authenticate({tile: fetch(tile.path) for tile in reader.tiles_for(nodes)})
    hashes = reader.hashes(nodes)
"""

from collections.abc import Iterable, Mapping

from .compact import fold_range
from .errors import MalformedTile, RootMismatch
from .hashing import EMPTY_ROOT, HASH_SIZE
from .nodes import Node, range_nodes
from .tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    node_from_tile,
    perfect_root,
    tile_of_node,
)

_FULL_TILE_SIZE = TILE_WIDTH * HASH_SIZE


class TileReader:
    """Reads the nodes of the tree with *size* leaves and *root_hash*.

    Mutable; owned by its holder. It keeps what it has proven, until drop_before.
    """

    __slots__ = ("_edge", "_peaks", "_proven", "_root_hash", "_size")

    def __init__(self, size: int, root_hash: bytes) -> None:
        """Trust *root_hash* for *size*; they come from a verified checkpoint.

        Raises:
            RootMismatch: *size* is 0, and *root_hash* is not that of the empty tree.
        """
        if size == 0 and root_hash != EMPTY_ROOT:
            raise RootMismatch(expected=root_hash, calculated=EMPTY_ROOT)
        self._size = size
        self._root_hash = root_hash
        self._peaks = range_nodes(0, size)
        self._edge = {tile_of_node(peak, size) for peak in self._peaks}
        # Only bytes that authenticate() proved: hashes() returns nothing else.
        self._proven: dict[Tile, bytes] = {}

    def tiles_for(self, nodes: Iterable[Node]) -> list[Tile]:
        """Return the tiles still to be authenticated before the hashes of *nodes*.

        Parents come before their children. A log may have deleted a partial tile
        once the full one exists: the bytes of that one do as well.

        Raises:
            ValueError: a node is not a perfect subtree of this tree.
        """
        missing = self._edge - self._proven.keys()
        for node in nodes:
            tile = tile_of_node(node, self._size)
            # Ends at the edge at the latest, which is proven or missing.
            while tile not in self._proven and tile not in missing:
                missing.add(tile)
                tile = tile_of_node(_root_node(tile), self._size)
        return sorted(missing, key=_parents_first)

    def authenticate(self, tiles: Mapping[Tile, bytes]) -> None:
        """Prove *tiles* under the root hash and keep them, or keep nothing.

        Full tiles that come with their parents are proven in one call. The bytes are
        those of the tile, or, for a partial one, those of the full tile, of which
        only the hashes of the partial tile are looked at.

        Raises:
            MalformedTile: a tile has another length than its width says, is not part
                of this tree, or comes without a tile that it is proven by.
            RootMismatch: a tile is not the one of this tree; .subject names it.
        """
        proven = dict(self._proven)
        received = {tile: _exact_bytes(tile, data) for tile, data in tiles.items()}
        if not self._edge.isdisjoint(received) or not self._edge <= proven.keys():
            self._verify_edge(proven | received)
        proven.update((tile, received[tile]) for tile in self._edge & received.keys())
        for tile in sorted(received.keys() - self._edge, key=_parents_first):
            self._verify_full_tile(tile, received[tile], proven)
            proven[tile] = received[tile]
        self._proven = proven

    def hashes(self, nodes: Iterable[Node]) -> dict[Node, bytes]:
        """Return the hash of each node, proven under the root hash.

        Raises:
            ValueError: a node is not a perfect subtree of this tree, or in a tile
                that was not authenticated.
        """
        hashes: dict[Node, bytes] = {}
        for node in nodes:
            tile = tile_of_node(node, self._size)
            if tile not in self._proven:
                raise ValueError(f"{tile.path} was not authenticated")
            hashes[node] = node_from_tile(node, self._proven[tile])
        return hashes

    def drop_before(self, index: int) -> None:
        """Forget the tiles that lie entirely before leaf *index*.

        Whoever reads a whole log from left to right then holds a few tiles, not all.
        The edge stays: its tiles reach, when full, beyond the last leaf.
        """
        self._proven = {
            tile: data for tile, data in self._proven.items() if _end(tile) > index
        }

    def _verify_edge(self, tiles: Mapping[Tile, bytes]) -> None:
        """Verify that the right edge folds into the root hash: rule 1 above."""
        for tile in sorted(self._edge, key=_parents_first):
            if tile not in tiles:
                raise MalformedTile(f"nothing can be proven without {tile.path}")
        root = fold_range(
            [
                node_from_tile(peak, tiles[tile_of_node(peak, self._size)])
                for peak in self._peaks
            ]
        )
        if root != self._root_hash:
            raise RootMismatch(expected=self._root_hash, calculated=root)

    def _verify_full_tile(
        self, tile: Tile, data: bytes, proven: Mapping[Tile, bytes]
    ) -> None:
        """Verify that the tile above *tile* has its root hash: rule 2 above."""
        node = _root_node(tile)
        if tile.width != TILE_WIDTH or (tile.index + 1) << node.level > self._size:
            raise MalformedTile(
                f"a tree of size {self._size} does not have {tile.path}"
            )
        parent = tile_of_node(node, self._size)
        if parent not in proven:
            raise MalformedTile(f"{tile.path} cannot be proven without {parent.path}")
        expected = node_from_tile(node, proven[parent])
        calculated = perfect_root(data)
        if calculated != expected:
            raise RootMismatch(
                expected=expected, calculated=calculated, subject=tile.path
            )


def _root_node(tile: Tile) -> Node:
    """Return the node over a full tile. It is a hash of the tile above."""
    return Node(TILE_HEIGHT * (tile.level + 1), tile.index)


def _end(tile: Tile) -> int:
    """Return the index after the last leaf that a tile covers when it is full."""
    return (tile.index + 1) << (TILE_HEIGHT * (tile.level + 1))


def _parents_first(tile: Tile) -> tuple[int, int]:
    return (-tile.level, tile.index)


def _exact_bytes(tile: Tile, data: bytes) -> bytes:
    """Return the hashes of *tile* out of its bytes or those of the full tile."""
    width = tile.width * HASH_SIZE
    if len(data) not in {width, _FULL_TILE_SIZE}:
        raise MalformedTile(f"{tile.path} has {width} bytes, got {len(data)}")
    return data[:width]
