"""Reading a log: entries, tiles and proofs, out of the store.

The reader knows no head: every size comes in as an argument, and the caller takes it
from a signed one. The store is always at least that far, and a tile only ever grows,
so what a size needs is in the first hashes of what is stored.
"""

import asyncio
from collections.abc import Mapping, Sequence

from merklelog.clock import format_time
from merklelog.errors import CorruptStore, NotFound
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import (
    SEGMENT_LIMIT,
    Segment,
    decode_segment,
    index_of_leaf,
    leaf_key,
    segment_range,
    tile_key,
)
from proofs.compact import fold_range
from proofs.errors import MalformedTile
from proofs.hashing import EMPTY_ROOT, HASH_SIZE
from proofs.nodes import (
    Node,
    assemble_proof,
    proof_nodes,
    range_nodes,
    subtree_proof_ranges,
)
from proofs.receipt import ConsistencyProof, Receipt
from proofs.tiles import (
    TILE_WIDTH,
    Bundle,
    Tile,
    encode_bundle,
    node_from_tile,
    tile_of_node,
)

from .head import Head

_LEAF_LEVEL = 0

# Hashes of nodes are remembered from this level up: calculated from a tile, this one
# takes 15 hashes, and the one below the tile's root 127. The upper ones are in most
# proofs.
_LOWEST_KNOWN_LEVEL = 4

# At some 250 bytes each.
_MOST_KNOWN_NODES = 1 << 16


class Reader:
    """Answers questions about the log in *store*."""

    def __init__(self, store: Store, origin: str) -> None:
        self._store = store
        self._origin = origin
        # Owned by the event loop. A perfect node of a signed tree never changes.
        self._known_nodes: dict[Node, bytes] = {}

    async def entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), which are in the log.

        Raises:
            CorruptStore: one of them is missing.
        """
        entries: list[bytes] = []
        for segment in await self._segments(start, end):
            skipped = max(0, start - segment.first_index)
            entries += segment.entries()[skipped:]
        return entries[: end - start]

    async def logged_at(self, index: int) -> int:
        """Return when the log took the entry at *index*, ms since the epoch."""
        return (await self._segments(index, index + 1))[0].logged_at

    async def _segments(self, start: int, end: int) -> list[Segment]:
        """Return the segments that hold [start, end), without a gap between them."""
        if start >= end:
            return []
        first_key, beyond = segment_range(start, end)
        if end - start == 1:
            found = await self._store.seek(first_key)
            pairs = [found] if found and found[0] < beyond else []
        else:
            # A segment holds at least one entry, so this is never a truncation.
            limit = end - start + SEGMENT_LIMIT
            pairs = await self._store.scan(first_key, beyond, limit=limit)
        segments = [decode_segment(key, value) for key, value in pairs]
        # Each begins where the one before it ends: an index is in exactly one.
        reached = min([start, *(s.first_index for s in segments[:1])])
        for segment in segments:
            if segment.first_index != reached or reached >= end:
                break
            reached += segment.count
        if reached < end:
            raise CorruptStore(
                f"the entry at index {max(start, reached)} is missing, or there twice"
            )
        return segments

    async def tile(self, tile: Tile) -> bytes:
        """Return the hashes of *tile*, 32 bytes each, at exactly its width.

        Raises:
            NotFound: the store has no such tile, or not as wide.
        """
        data = await self._store.get(tile_key(tile.level, tile.index))
        if data is None or len(data) < tile.width * HASH_SIZE:
            raise NotFound(f"there is no {tile.path}")
        return data[: tile.width * HASH_SIZE]

    async def bundle(self, bundle: Bundle) -> bytes:
        """Return the entry bundle, exactly ``bundle.width`` entries of the log."""
        start = bundle.index * TILE_WIDTH
        return encode_bundle(await self.entries(start, start + bundle.width))

    async def find(self, leaf_hash: bytes, size: int) -> int | None:
        """Return the lowest index below *size* with this *leaf_hash*, or None."""
        found = await self._store.seek(leaf_key(leaf_hash, 0))
        index = None if found is None else index_of_leaf(found[0], leaf_hash)
        return index if index is not None and index < size else None

    async def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that entry *index* is in the tree of *size*, leaf to root.

        Raises:
            NotFound: not 0 <= index < size.
        """
        ranges = _inclusion_ranges(index, size)
        return assemble_proof(ranges, await self._hashes(proof_nodes(ranges), size))

    async def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof that the tree of *new_size* extends that of *old_size*.

        Raises:
            NotFound: not 0 <= old_size <= new_size.
        """
        ranges = _consistency_ranges(old_size, new_size)
        return assemble_proof(ranges, await self._hashes(proof_nodes(ranges), new_size))

    async def root_at(self, size: int) -> bytes:
        """Return the root hash that the tree had at *size*."""
        if size == 0:
            return EMPTY_ROOT
        nodes = range_nodes(0, size)
        hashes = await self._hashes(nodes, size)
        return fold_range([hashes[node] for node in nodes])

    async def receipt(
        self, index: int, head: Head, *, known: int | None = None
    ) -> Receipt:
        """Return the receipt of entry *index* under *head*.

        With *known*, a size that the reader of the receipt has seen, it carries the
        proof that the head extends it.

        Raises:
            NotFound: *index* or *known* is beyond the head.
        """
        inclusion = _inclusion_ranges(index, head.size)
        consistency = [] if known is None else _consistency_ranges(known, head.size)
        leaf = Node(_LEAF_LEVEL, index)
        hashes, logged_at = await asyncio.gather(
            self._hashes([leaf, *proof_nodes([*inclusion, *consistency])], head.size),
            self.logged_at(index),
        )
        return Receipt(
            origin=self._origin,
            index=index,
            leaf_hash=hashes[leaf],
            logged_at=format_time(logged_at),
            inclusion_proof=tuple(assemble_proof(inclusion, hashes)),
            checkpoint=head.note,
            consistency_proof=None
            if known is None
            else ConsistencyProof(known, tuple(assemble_proof(consistency, hashes))),
        )

    async def _hashes(self, nodes: Sequence[Node], size: int) -> dict[Node, bytes]:
        """Return the hashes of *nodes* of the tree of *size*.

        Reads each tile once, all of them in one call of the store: O(log size) keys.
        """
        known = self._known_nodes
        hashes = {node: known[node] for node in nodes if node in known}
        keys = {}
        for node in nodes:
            if node not in hashes:
                tile = tile_of_node(node, size)
                keys[node] = tile_key(tile.level, tile.index)
        distinct = list(dict.fromkeys(keys.values()))
        tiles = dict(zip(distinct, await self._store.get_many(distinct), strict=True))
        try:
            read = {n: node_from_tile(n, tiles[key] or b"") for n, key in keys.items()}
        except MalformedTile as error:
            raise CorruptStore(
                f"a tile of the tree of {size} is cut: {error}"
            ) from error
        self._remember(read)
        return hashes | read

    def _remember(self, hashes: Mapping[Node, bytes]) -> None:
        if len(self._known_nodes) > _MOST_KNOWN_NODES:
            self._known_nodes.clear()
        self._known_nodes |= {
            node: node_hash
            for node, node_hash in hashes.items()
            if node.level >= _LOWEST_KNOWN_LEVEL
        }


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    if not 0 <= index < size:
        raise NotFound(f"there is no entry {index} in a tree of size {size}")
    return subtree_proof_ranges(index, index + 1, size)


def _consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    if not 0 <= old_size <= new_size:
        raise NotFound(
            f"a tree of size {new_size} does not extend one of size {old_size}"
        )
    return subtree_proof_ranges(0, old_size, new_size)
