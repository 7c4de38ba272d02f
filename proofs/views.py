"""Two signed views of one log: are they one history?

A log that shows different people different histories has to sign two checkpoints
that no append-only log can have. Whoever holds both, holds proof against it.
"""

from collections.abc import Sequence
from dataclasses import replace

from .checkpoint import Checkpoint, SignedCheckpoint
from .errors import Inconsistent, ProofsError, RootMismatch, VerificationError
from .merkle import verify_consistency


def verify_views(
    one: SignedCheckpoint, other: SignedCheckpoint, *, proof: Sequence[bytes]
) -> None:
    """Verify that of two signed trees the smaller is the beginning of the larger.

    *proof* is a consistency proof from the smaller to the larger size; it is empty
    for equal sizes.

    Raises:
        Inconsistent: the log signed two histories. It carries the evidence.
        RootMismatch: the proof does not lead from one to the other, and is no
            evidence either: it may be a wrong proof, or there may be two histories.
        MalformedProof: not a proof between these sizes.
        VerificationError: these are checkpoints of different logs.
    """
    old, new = sorted((one, other), key=lambda view: view.checkpoint.size)
    if old.checkpoint.origin != new.checkpoint.origin:
        raise VerificationError("checkpoints of two different logs")
    # Decided without looking at the proof: no bad proof may cover up a fork.
    if _differ_at_one_size(old.checkpoint, new.checkpoint):
        raise Inconsistent(old=old.raw, new=new.raw)
    try:
        _verify_prefix(old.checkpoint, new.checkpoint, proof)
    except RootMismatch as mismatch:
        if _proves_other_beginning(old.checkpoint, new.checkpoint, proof, mismatch):
            raise Inconsistent(old=old.raw, new=new.raw, proof=proof) from mismatch
        raise


def _differ_at_one_size(old: Checkpoint, new: Checkpoint) -> bool:
    """Tell whether these are different trees of the same size."""
    return old.size == new.size and old.root_hash != new.root_hash


def _proves_other_beginning(
    old: Checkpoint, new: Checkpoint, proof: Sequence[bytes], mismatch: RootMismatch
) -> bool:
    """Tell whether a failed proof shows that *new* does not begin with *old*.

    A failed proof may just be a wrong one, which anybody can make. But if it leads
    from some other root of the first *old.size* leaves to the signed new root, then
    these leaves, and not those of *old*, are the beginning of the new tree.

    No proof does so where the old size is a power of two: there the old root is
    itself part of the way to the new one. Another checkpoint is needed then.
    """
    other = replace(old, root_hash=mismatch.calculated)
    try:
        _verify_prefix(other, new, proof)
    except ProofsError:
        return False
    return True


def _verify_prefix(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Verify that the tree of *old* is the beginning of the tree of *new*."""
    verify_consistency(
        old_size=old.size,
        new_size=new.size,
        old_root=old.root_hash,
        new_root=new.root_hash,
        proof=proof,
    )
