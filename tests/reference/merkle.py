"""The tree of RFC 6962 as the texts define it, for tests to compare with.

A transcription, formula by formula, in the letters of the texts: RFC 6962 section
2.1, RFC 9162 sections 2.1.3.2 and 2.1.4.2, and for subtrees
draft-ietf-plants-merkle-tree-certs section 4. It shares no code with proofs/, so that
a mistake has to be made twice to go unnoticed. Slow, and meant to be.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || d(0))."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """Let k be the largest power of two smaller than n (k < n <= 2k)."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class ReferenceTree:
    """A list of entries D, and the functions of RFC 6962 section 2.1 on it.

    D[start:end] is written as the pair (start, end), so that results can be kept.
    """

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.leaves = [leaf_hash(entry) for entry in entries]
        self._mth: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """MTH(D[0:size])."""
        return self.mth(0, size)

    def mth(self, start: int, end: int) -> bytes:
        """MTH(D[start:end])."""
        n = end - start
        if n == 0:
            return sha256(b"").digest()
        if n == 1:
            return self.leaves[start]
        if (start, end) not in self._mth:
            k = split(n)
            self._mth[start, end] = node_hash(
                self.mth(start, start + k), self.mth(start + k, end)
            )
        return self._mth[start, end]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[0:size])."""
        return self._path(index, 0, size)

    def _path(self, m: int, start: int, end: int) -> list[bytes]:
        n = end - start
        if n == 1:
            return []
        k = split(n)
        if m < k:
            return [*self._path(m, start, start + k), self.mth(start + k, end)]
        return [*self._path(m - k, start + k, end), self.mth(start, start + k)]

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """PROOF(old_size, D[0:size])."""
        return self._subproof(old_size, 0, size, known=True)

    def _subproof(self, m: int, start: int, end: int, *, known: bool) -> list[bytes]:
        n = end - start
        if m == n:
            return [] if known else [self.mth(start, end)]
        k = split(n)
        if m <= k:
            rest = self._subproof(m, start, start + k, known=known)
            return [*rest, self.mth(start + k, end)]
        rest = self._subproof(m - k, start + k, end, known=False)
        return [*rest, self.mth(start, start + k)]

    def subtree_proof(self, start: int, end: int, size: int) -> list[bytes]:
        """SUBTREE_PROOF(start, end, D[0:size])."""
        if start == end:
            return []
        return self._subtree_subproof(start, end, 0, size, known=True)

    def _subtree_subproof(
        self, start: int, end: int, low: int, high: int, *, known: bool
    ) -> list[bytes]:
        n = high - low
        if (start, end) == (0, n):
            return [] if known else [self.mth(low, high)]
        k = split(n)
        left, right = self.mth(low, low + k), self.mth(low + k, high)
        if end <= k:
            rest = self._subtree_subproof(start, end, low, low + k, known=known)
            return [*rest, right]
        if k <= start:
            rest = self._subtree_subproof(
                start - k, end - k, low + k, high, known=known
            )
            return [*rest, left]
        rest = self._subtree_subproof(0, end - k, low + k, high, known=False)
        return [*rest, left]


def accepts_inclusion(
    leaf_index: int, tree_size: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162 section 2.1.3.2, verifying an inclusion proof."""
    if leaf_index >= tree_size:
        return False
    fn, sn = leaf_index, tree_size - 1
    r = leaf
    for p in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            r = node_hash(p, r)
            while fn % 2 == 0 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root


def accepts_consistency(
    first: int,
    second: int,
    path: Sequence[bytes],
    first_hash: bytes,
    second_hash: bytes,
) -> bool:
    """RFC 9162 section 2.1.4.2, verifying consistency; for 0 < first < second."""
    path = list(path)
    if not path:
        return False
    if first & (first - 1) == 0:
        path.insert(0, first_hash)
    fn, sn = first - 1, second - 1
    while fn % 2 == 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            fr = node_hash(c, fr)
            sr = node_hash(c, sr)
            while fn % 2 == 0 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    return fr == first_hash and sr == second_hash and sn == 0


def is_valid_subtree(start: int, end: int) -> bool:
    """[start, end) is valid if start is a multiple of BIT_CEIL(end - start)."""
    bit_ceil = 1
    while bit_ceil < end - start:
        bit_ceil *= 2
    return 0 <= start <= end and start % bit_ceil == 0


def covering_subtrees(start: int, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two adjacent subtrees that together cover [start, end), and maybe more before."""
    if end - start <= 1:
        return (start, end), (end, end)
    last = end - 1
    split_bit = (start ^ last).bit_length() - 1
    mask = (1 << split_bit) - 1
    mid = last & ~mask
    left_split = (~start & mask).bit_length()
    left_start = start & ~((1 << left_split) - 1)
    return (left_start, mid), (mid, end)
