"""Compact ranges: the state that appending to a Merkle tree needs.

The compact range of ``[0, size)`` is the minimal list of perfect subtrees that
covers it, largest first: one for each set bit of *size*. Seven leaves::

    level 2        n
                 /   \\
    level 1     n     n     n
               / \\   / \\   / \\
    level 0   0   1 2   3 4   5 6      size 7 = 0b111: [0,4) [4,6) [6,7)

It is what remains of a tree of any size for growing it: O(log size) hashes.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from .errors import MalformedError
from .hashing import EMPTY_ROOT, HASH_SIZE, node_hash


class NodeRun(NamedTuple):
    """Neighbouring perfect nodes of one level: hashes[i] is node first + i."""

    first: int
    hashes: Sequence[bytes]


class CompactRange:
    """The perfect subtrees covering ``[0, size)``. Mutable; owned by its holder."""

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take over *hashes*, the subtree roots of ``[0, size)``, largest first.

        Raises:
            MalformedError: not exactly one 32-byte hash for each set bit of *size*.
        """
        if size < 0 or len(hashes) != size.bit_count():
            raise MalformedError(
                f"a compact range of size {size} does not have {len(hashes)} hashes"
            )
        if any(len(peak) != HASH_SIZE for peak in hashes):
            raise MalformedError(f"hashes have {HASH_SIZE} bytes")
        self._size = size
        self._peaks = list(hashes)

    @property
    def size(self) -> int:
        """The number of leaves covered."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(self._peaks)

    def copy(self) -> "CompactRange":
        """Return an independent range of the same leaves."""
        return CompactRange(self._size, self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.extend([leaf])

    def extend(self, leaves: Sequence[bytes]) -> list[NodeRun]:
        """Add leaf hashes; return every perfect node that they completed, by level.

        The run of level 0 is *leaves* itself. A level without new nodes ends the
        list: nothing above it was completed either.
        """
        runs: list[NodeRun] = []
        old_size, self._size = self._size, self._size + len(leaves)
        hashes: Sequence[bytes] = leaves
        level = 0
        peaks_kept = old_size.bit_count()
        new_peaks: list[bytes] = []
        while hashes:
            first = old_size >> level
            runs.append(NodeRun(first, hashes))
            # An odd first node is a right child: its left sibling is a peak.
            children: Sequence[bytes] = hashes
            if first & 1:
                peaks_kept -= 1
                children = [self._peaks[peaks_kept], *hashes]
            if len(children) & 1:
                new_peaks.append(children[-1])
            hashes = _parents(children)
            level += 1
        self._peaks[peaks_kept:] = reversed(new_peaks)
        return runs

    def root(self) -> bytes:
        """Return the root hash of the tree of ``[0, size)``."""
        if not self._peaks:
            return EMPTY_ROOT
        return fold_range(self._peaks)


def fold_range(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over adjacent perfect subtrees, largest first.

    The subtrees of a compact range are folded right to left: the smaller ones form
    the right child. Requires at least one hash.
    """
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _parents(children: Sequence[bytes]) -> list[bytes]:
    """Return the node hashes over pairs of *children*; an odd last one is left out."""
    # Written out instead of calling node_hash: this is the inner loop of a commit.
    pairs = zip(children[0::2], children[1::2], strict=False)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]
