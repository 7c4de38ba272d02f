"""Verifying inclusion, consistency and subtree proofs (RFC 9162 section 2.1).

A proof is a list of hashes and nothing else. Everything that gives them a meaning
(index, sizes, roots, the leaf hash) is the verifier's own: it comes from a signed
checkpoint or from the entry itself, by keyword, never from the proof. A proof that
could name its own size or index could prove anything.
"""

from collections.abc import Sequence

from .errors import MalformedProof, RootMismatch
from .hashing import EMPTY_ROOT, HASH_SIZE, node_hash
from .nodes import is_subtree
from .text import DECIMAL_LIMIT


def verify_inclusion(
    *, index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root_hash: bytes
) -> None:
    """Verify that a tree of *size* leaves and *root_hash* has *leaf_hash* at *index*.

    RFC 9162 section 2.1.3.2.

    Raises:
        MalformedProof: *index* is not in the tree, the proof has not the one right
            number of hashes, or a hash has not 32 bytes.
        RootMismatch: the proof leads to another root.
    """
    _require_hashes([root_hash])
    root = root_from_inclusion(index=index, size=size, leaf_hash=leaf_hash, proof=proof)
    _require_root(expected=root_hash, calculated=root)


def root_from_inclusion(
    *, index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes]
) -> bytes:
    """Return the root that an inclusion proof leads to, 32 bytes.

    It proves nothing until it is compared with a root that somebody vouches for.

    Raises:
        MalformedProof: as verify_inclusion.
    """
    if not 0 <= index < size:
        raise MalformedProof(f"index {index} is not in a tree of size {size}")
    _require_subtree(index, index + 1, size)
    _require_hashes([leaf_hash, *proof])
    _, root = _climb(index, index + 1, size, leaf_hash, proof)
    return root


def verify_consistency(
    *,
    old_size: int,
    new_size: int,
    old_root: bytes,
    new_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Verify that the first *old_size* leaves of the new tree are the old tree.

    RFC 9162 section 2.1.4.2. The cases that it leaves open are those of
    c2sp.org/tlog-witness: every tree is consistent with the empty one, whose root is
    still checked, and equal sizes need equal roots. The proof is empty in both.

    Raises:
        MalformedProof: the new tree is the smaller one, the proof has not the one
            right number of hashes, or a hash has not 32 bytes.
        RootMismatch: the proof leads to another old or new root.
    """
    verify_subtree(
        start=0,
        end=old_size,
        size=new_size,
        subtree_hash=old_root,
        root_hash=new_root,
        proof=proof,
    )
    if new_size == 0:
        _require_root(expected=new_root, calculated=EMPTY_ROOT)


def verify_subtree(
    *,
    start: int,
    end: int,
    size: int,
    subtree_hash: bytes,
    root_hash: bytes,
    proof: Sequence[bytes],
) -> None:
    """Verify that ``[start, end)`` of a tree of *size* leaves has *subtree_hash*.

    draft-ietf-plants-merkle-tree-certs section 4.4. An empty subtree has the hash of
    the empty tree, which says nothing about *root_hash*: it is not checked then.

    Raises:
        MalformedProof: the range is no subtree of that tree, the proof has not the
            one right number of hashes, or a hash has not 32 bytes.
        RootMismatch: the proof leads to another subtree hash or root.
    """
    _require_subtree(start, end, size)
    _require_hashes([subtree_hash, root_hash, *proof])
    if start == end:
        if proof:
            raise MalformedProof("the proof is too long: an empty subtree needs none")
        _require_root(expected=subtree_hash, calculated=EMPTY_ROOT)
        return
    subtree, root = _climb(start, end, size, subtree_hash, proof)
    _require_root(expected=subtree_hash, calculated=subtree)
    _require_root(expected=root_hash, calculated=root)


def _climb(
    start: int, end: int, size: int, subtree_hash: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the hash of ``[start, end)`` and the root that *proof* leads to.

    The climb of RFC 9162, for any subtree that is not empty. At each level, *first*,
    *last* and *edge* are the nodes over the leaves start, end - 1 and size - 1; *root*
    is the hash of the node *last*, *subtree* of what of it lies in ``[start, end)``.
    Each hash of the proof is a sibling of *last* and brings the climb at least one
    level up. It ends where *edge*, and so the whole tree, is a single node.
    """
    first, last, edge = start, end - 1, size - 1
    # The climb begins at the largest node of the big tree that ends where the
    # subtree does. If that is all of the subtree its hash is known, not proven.
    below = (first ^ last).bit_length()
    if last != edge:
        below = min(below, (end & -end).bit_length() - 1)
    first, last, edge = first >> below, last >> below, edge >> below
    hashes = [subtree_hash, *proof] if first == last else proof
    if not hashes:
        raise MalformedProof("the proof is too short")
    subtree = root = hashes[0]
    for sibling in hashes[1:]:
        if edge == 0:
            # Looked at before each step: no length of proof costs more hashing than
            # the levels of the tree.
            raise MalformedProof("the proof is too long")
        if last & 1 or last == edge:
            # A right child, or the end of its level: on levels where the end has no
            # sibling it goes up as it is, until it is a right child.
            if first < last:
                subtree = node_hash(sibling, subtree)
            root = node_hash(sibling, root)
            alone = (last & -last).bit_length() - 1
            first, last, edge = first >> alone, last >> alone, edge >> alone
        else:
            root = node_hash(root, sibling)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    if edge != 0:
        raise MalformedProof("the proof is too short")
    return subtree, root


def _require_subtree(start: int, end: int, size: int) -> None:
    # Sizes of C2SP logs stay below 2^63, so that no proof has more than 64 hashes.
    if not (is_subtree(start, end) and end <= size < DECIMAL_LIMIT):
        raise MalformedProof(f"[{start}, {end}) is no subtree of a tree of size {size}")


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(digest) != HASH_SIZE for digest in hashes):
        raise MalformedProof(f"a hash that has not {HASH_SIZE} bytes")


def _require_root(*, expected: bytes, calculated: bytes) -> None:
    if expected != calculated:
        raise RootMismatch(expected=expected, calculated=calculated)
