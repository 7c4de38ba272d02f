"""Reading the state of a log from its store: the head and the edge of its tree.

Opening a log and recovering from a failed write run this same code.
"""

from collections.abc import Sequence

from merklelog.errors import CorruptStore, FatalError, MissingStore
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import (
    HEAD_KEY,
    READ_ONLY_KEY,
    VERSION_KEY,
    check_format_version,
    tile_key,
)
from proofs.checkpoint import open_checkpoint
from proofs.compact import fold_range
from proofs.errors import ProofsError
from proofs.hashing import EMPTY_ROOT
from proofs.note import Verifier

from .head import Head
from .integrate import Edge, edge_from_tiles, edge_tiles_of


class State:
    """A log as it was last committed: what appending starts from."""

    __slots__ = ("edge", "head", "read_only")

    def __init__(self, head: Head, edge: Edge, read_only: str | None) -> None:
        self.head = head
        self.edge = edge
        self.read_only = read_only
        """Why the log is frozen; None while it is not."""


def open_head(note: bytes, verifiers: Sequence[Verifier], origin: str) -> Head:
    """Return what the checkpoint *note* says, verified by the log's own keys.

    Raises:
        FatalError: it is not this log's checkpoint, or not signed by its keys.
    """
    try:
        signed = open_checkpoint(note, verifiers, origin=origin)
    except ProofsError as error:
        raise FatalError(
            f"the newest checkpoint in the store is not one of {origin} signed by "
            f"this log's keys ({error}): the store or the keys belong to another "
            "log; put back the folder's own, nothing was changed"
        ) from error
    signed_by = {(line.name, line.key_id) for line in signed.note.signatures}
    unused = [v for v in verifiers if (v.name, v.key_id) not in signed_by]
    if unused or signed.timestamp_ms is None:
        names = ", ".join(f"{v.name}+{v.key_id.hex()}" for v in unused)
        raise FatalError(
            f"the newest checkpoint of {origin} is not signed by {names}: a key was "
            "replaced; put back the folder's own keys, nothing was changed"
        )
    checkpoint = signed.checkpoint
    return Head(checkpoint.size, checkpoint.root_hash, note, signed.timestamp_ms)


async def load_state(store: Store, verifiers: Sequence[Verifier], origin: str) -> State:
    """Read the head, and the edge that recomputes its root: O(log size) keys.

    Raises:
        MissingStore: the store has no head; it is never read as an empty log.
        CorruptStore: the edge tiles do not lead to the signed root.
        FatalError: the head is not signed by the log's keys.
        NewerFormat: a newer release wrote the store.
    """
    version, note, reason = await store.get_many([VERSION_KEY, HEAD_KEY, READ_ONLY_KEY])
    if version is None and note is None:
        raise MissingStore(
            "the store is empty: it lost its log; restore a backup with "
            "`merklelog log restore`"
        )
    check_format_version(version)
    if note is None:
        raise CorruptStore("the store has no checkpoint")
    head = open_head(note, verifiers, origin)
    edge = await load_edge(store, head.size)
    root_hash = fold_range(edge.peaks) if edge.peaks else EMPTY_ROOT
    if root_hash != head.root_hash:
        raise CorruptStore(
            f"the tiles at the edge of size {head.size} lead to the root "
            f"{root_hash.hex()}, the signed checkpoint says {head.root_hash.hex()}: "
            "run `merklelog fsck` to find what was altered"
        )
    # For people: that it is there freezes the log, even if it cannot be read.
    read_only = None if reason is None else reason.decode("utf-8", "replace")
    return State(head, edge, read_only)


async def load_edge(store: Store, size: int) -> Edge:
    """Read the edge of the tree of *size*, which the store has reached.

    Raises:
        CorruptStore: a tile at the edge is missing or too short.
    """
    tiles = edge_tiles_of(size)
    keys = [tile_key(tile.level, tile.index) for tile in tiles if tile]
    found = iter(await store.get_many(keys))
    try:
        return edge_from_tiles(
            size, [(next(found) or b"") if t else b"" for t in tiles]
        )
    except ValueError as error:
        raise CorruptStore(f"at size {size}, {error}") from error


async def contains(state: State, store: Store, head: Head) -> bool:
    """Tell whether the log in *store* has had exactly the tree of *head*."""
    if head.size > state.head.size:
        return False
    if head.size == state.head.size:
        return head.root_hash == state.head.root_hash
    edge = await load_edge(store, head.size)
    root_hash = fold_range(edge.peaks) if edge.peaks else EMPTY_ROOT
    return root_hash == head.root_hash
