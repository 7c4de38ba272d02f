"""What follows from a receipt: the verdicts, and how one is reached.

The state of a check is never a bool. From the outside in::

    WITNESSED        also cosigned by the quorum that the verifier's policy names
    ANCHORED         also consistent with a checkpoint that the verifier already held
    SELF_CONSISTENT  included and signed by the log, but nothing from outside it
    PARTIAL          something asked for was not checked
    STALE            older than the verifier allows
    DIVERGED         two signed views of the log conflict
    INVALID          something does not match
    UNREADABLE       a store or file is missing or cannot be parsed

`check_receipt` asks each question on its own and takes the gravest answer, so that
one good answer never hides a bad one. No verdict says more than was checked; what was
not checked is among the reasons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from .errors import (
    Inconsistent,
    MalformedError,
    ProofsError,
    RootMismatch,
    VerificationError,
)
from .hashing import leaf_hash as hash_of_leaf
from .merkle import verify_inclusion
from .note import Verifier
from .receipt import Receipt
from .tlogproof import TlogProof
from .views import verify_views

REQUIREMENT_NOT_MET = 10
"""The exit code of a good verdict that is weaker than what was required."""

# Clocks of a log and of a verifier may differ by this much. A log whose time lies
# further ahead could make its checkpoints look fresh for as long as it likes.
_CLOCK_SKEW_MS = 5 * 60 * 1000


class Verdict(StrEnum):
    """What a check found. Ordered by exit code, the gravest last."""

    WITNESSED = "WITNESSED"
    ANCHORED = "ANCHORED"
    SELF_CONSISTENT = "SELF_CONSISTENT"
    PARTIAL = "PARTIAL"
    STALE = "STALE"
    DIVERGED = "DIVERGED"
    INVALID = "INVALID"
    UNREADABLE = "UNREADABLE"

    @property
    def exit_code(self) -> int:
        """The exit code of a program that reports this verdict."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Verdict.WITNESSED: 0,
    Verdict.ANCHORED: 0,
    Verdict.SELF_CONSISTENT: 0,
    Verdict.PARTIAL: 11,
    Verdict.STALE: 12,
    Verdict.DIVERGED: 30,
    Verdict.INVALID: 40,
    Verdict.UNREADABLE: 41,
}


class Requirement(StrEnum):
    """The least that a verifier is content with, above being self-consistent."""

    ANCHORED = "anchored"
    WITNESSED = "witnessed"


class Subject(StrEnum):
    """Where the leaf hash came from whose inclusion was checked."""

    ENTRY = "entry"
    """The verifier showed the entry."""
    LEAF_HASH = "leaf_hash"
    """The verifier gave the leaf hash."""
    RECEIPT = "receipt"
    """Only the receipt names it: that it belongs to a certain entry is not checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its reasons."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """What was found and what was not checked, a sentence each; never empty."""
    unmet: Requirement | None = None
    """What was required and not reached."""
    subject: Subject | None = None
    signed: SignedCheckpoint | None = None
    """The receipt's checkpoint, once a signature on it was verified."""
    evidence: Inconsistent | None = None
    """Both signed views and the proof between them, where they conflict."""

    @property
    def exit_code(self) -> int:
        """The exit code of a program that reports this finding and no other."""
        unmet = REQUIREMENT_NOT_MET if self.unmet else 0
        return max(self.verdict.exit_code, unmet)


class _Answer(NamedTuple):
    """The answer to one question. Without a verdict it is only a remark."""

    verdict: Verdict | None
    reason: str
    evidence: Inconsistent | None = None


def check_receipt(
    receipt: Receipt | TlogProof,
    *,
    verifiers: Iterable[Verifier],
    origin: str | None = None,
    entry: bytes | None = None,
    leaf_hash: bytes | None = None,
    known: bytes | None = None,
    consistency_proof: Sequence[bytes] | None = None,
    require: Requirement | None = None,
    max_age_ms: int | None = None,
    now_ms: int | None = None,
) -> Finding:
    """Return what follows from *receipt* for somebody who trusts *verifiers*.

    *verifiers* are the keys of one log (and *origin* its name, where the keys have
    another). *entry* or *leaf_hash* say what is to be included: a TlogProof needs
    one of them, a Receipt names a leaf hash itself. *known* is a checkpoint that the
    verifier already held, a signed note; *consistency_proof* leads from the smaller
    to the larger of the two trees. *max_age_ms* needs *now_ms*, in ms since 1970.

    Raises:
        ValueError: a TlogProof without *entry* and *leaf_hash*, or *max_age_ms*
            without *now_ms*.
    """
    keys = list(verifiers)
    subject, leaves = _leaves(receipt, entry, leaf_hash)
    try:
        signed = open_checkpoint(receipt.checkpoint, keys, origin=origin)
    except ProofsError as error:
        reason = f"the receipt's checkpoint: {error}"
        return Finding(Verdict.INVALID, (reason,), unmet=require, subject=subject)
    view = _answer_known(receipt, signed, keys, known, consistency_proof)
    answers = [
        _answer_inclusion(receipt, signed.checkpoint, leaves),
        view,
        *_answer_age(signed, max_age_ms, now_ms),
        *_remarks(receipt, subject, known),
    ]
    verdicts = [answer.verdict for answer in answers if answer.verdict]
    met = require is None or (
        require is Requirement.ANCHORED and view.verdict is Verdict.ANCHORED
    )
    return Finding(
        max(verdicts, key=lambda verdict: verdict.exit_code),
        tuple(answer.reason for answer in answers),
        unmet=None if met else require,
        subject=subject,
        signed=signed,
        evidence=view.evidence,
    )


def _leaves(
    receipt: Receipt | TlogProof, entry: bytes | None, leaf_hash: bytes | None
) -> tuple[Subject, dict[str, bytes]]:
    """Return who said what is included, and each leaf hash that was named, by whom."""
    leaves = {}
    subject = Subject.RECEIPT
    if isinstance(receipt, Receipt):
        leaves["the receipt"] = receipt.leaf_hash
        if receipt.entry is not None:
            leaves["the entry in the receipt"] = hash_of_leaf(receipt.entry)
    if leaf_hash is not None:
        leaves["the leaf hash given"] = leaf_hash
        subject = Subject.LEAF_HASH
    if entry is not None:
        leaves["the entry shown"] = hash_of_leaf(entry)
        subject = Subject.ENTRY
    if not leaves:
        raise ValueError("a tlog-proof proves something only about a given entry")
    return subject, leaves


def _answer_inclusion(
    receipt: Receipt | TlogProof, checkpoint: Checkpoint, leaves: dict[str, bytes]
) -> _Answer:
    """Is the leaf at the index in the tree that the log signed?"""
    if isinstance(receipt, Receipt) and receipt.origin != checkpoint.origin:
        return _Answer(
            Verdict.INVALID,
            f"the receipt names {receipt.origin!r}, "
            f"its checkpoint {checkpoint.origin!r}",
        )
    if len(set(leaves.values())) != 1:
        named = ", ".join(f"{who}: {leaf.hex()}" for who, leaf in leaves.items())
        return _Answer(Verdict.INVALID, f"leaf hashes differ: {named}")
    proof = receipt.inclusion_proof if isinstance(receipt, Receipt) else receipt.proof
    leaf = next(iter(leaves.values()))
    try:
        verify_inclusion(
            index=receipt.index,
            size=checkpoint.size,
            leaf_hash=leaf,
            proof=proof,
            root_hash=checkpoint.root_hash,
        )
    except ProofsError as error:
        return _Answer(
            Verdict.INVALID,
            f"leaf hash {leaf.hex()} is not proven to be at index {receipt.index}: "
            f"{error}",
        )
    return _Answer(
        None,
        f"leaf hash {leaf.hex()} is at index {receipt.index} of {checkpoint.origin}, "
        f"size {checkpoint.size}, signed by the log",
    )


def _answer_known(
    receipt: Receipt | TlogProof,
    signed: SignedCheckpoint,
    verifiers: Sequence[Verifier],
    known: bytes | None,
    consistency_proof: Sequence[bytes] | None,
) -> _Answer:
    """Does the signed tree fit to the one that the verifier already held?"""
    if known is None:
        return _self_consistent("no checkpoint from elsewhere was given")
    try:
        held = open_checkpoint(known, verifiers, origin=signed.checkpoint.origin)
    except MalformedError as error:
        return _Answer(Verdict.UNREADABLE, f"the known checkpoint: {error}")
    except VerificationError as error:
        return _Answer(Verdict.INVALID, f"the known checkpoint: {error}")
    if held.checkpoint.size == 0:
        return _self_consistent("the known checkpoint is empty, which fits to any log")
    proof = consistency_proof
    if proof is None and isinstance(receipt, Receipt):
        proof = _proof_in_receipt(receipt, held.checkpoint.size)
    if proof is None and held.checkpoint.size == signed.checkpoint.size:
        proof = ()
    if proof is None:
        return _self_consistent(
            f"the known checkpoint has size {held.checkpoint.size}, the receipt's "
            f"{signed.checkpoint.size}, and there is no consistency proof between them"
        )
    return _answer_views(held, signed, proof)


def _proof_in_receipt(receipt: Receipt, old_size: int) -> Sequence[bytes] | None:
    """Return the receipt's own consistency proof, if it is from *old_size*."""
    proof = receipt.consistency_proof
    return proof.hashes if proof and proof.old_size == old_size else None


def _answer_views(
    held: SignedCheckpoint, signed: SignedCheckpoint, proof: Sequence[bytes]
) -> _Answer:
    """Are two signed trees one history, by this proof?"""
    sizes = f"of sizes {held.checkpoint.size} (known) and {signed.checkpoint.size}"
    try:
        verify_views(held, signed, proof=proof)
    except Inconsistent as evidence:
        reason = f"the log signed two trees {sizes} that are not one history"
        return _Answer(Verdict.DIVERGED, reason, evidence)
    except RootMismatch as error:
        return _Answer(
            Verdict.INVALID,
            f"the consistency proof does not connect the trees {sizes}: it is wrong, "
            f"or the log has two histories, which it cannot tell ({error})",
        )
    except MalformedError as error:
        return _Answer(Verdict.INVALID, f"the consistency proof {sizes}: {error}")
    return _Answer(Verdict.ANCHORED, f"the trees {sizes} are one history")


def _self_consistent(reason: str) -> _Answer:
    """Say in words, every time, what SELF_CONSISTENT leaves open."""
    return _Answer(
        Verdict.SELF_CONSISTENT,
        f"{reason}: the log's operator could show others another history",
    )


def _answer_age(
    signed: SignedCheckpoint, max_age_ms: int | None, now_ms: int | None
) -> list[_Answer]:
    """Is the checkpoint as fresh as the verifier wants? Only asked if he says so."""
    if max_age_ms is None:
        return []
    if now_ms is None:
        raise ValueError("an age needs the present time")
    if signed.timestamp_ms is None:
        reason = (
            "age unknown: no verified signature on the checkpoint carries a time; "
            "the log's vkey of type 0x05 verifies one that does"
        )
        return [_Answer(Verdict.PARTIAL, reason)]
    age_ms = now_ms - signed.timestamp_ms
    if age_ms < -_CLOCK_SKEW_MS:
        reason = f"age unknown: the log signed {-age_ms} ms in the future"
        return [_Answer(Verdict.PARTIAL, reason)]
    reason = f"the checkpoint is {age_ms} ms old by the log's own word"
    if age_ms > max_age_ms:
        return [_Answer(Verdict.STALE, f"{reason}, more than {max_age_ms} ms")]
    return [_Answer(None, reason)]


def _remarks(
    receipt: Receipt | TlogProof, subject: Subject, known: bytes | None
) -> list[_Answer]:
    """Name what a receipt says besides, and nothing here has checked."""
    if not isinstance(receipt, Receipt):
        return []
    remarks = []
    if subject is Subject.RECEIPT:
        remarks.append(
            _Answer(None, "no entry was shown: whose leaf hash it is was not checked")
        )
    if receipt.logged_at is not None:
        remarks.append(
            _Answer(None, f"logged_at, {receipt.logged_at}, is the server's word")
        )
    if receipt.event_id is not None:
        remarks.append(_Answer(None, "the event_id is the server's word"))
    if receipt.consistency_proof is not None and known is None:
        remarks.append(
            _Answer(None, "its consistency proof was not used: no known checkpoint")
        )
    if receipt.disclosures:
        remarks.append(_Answer(Verdict.PARTIAL, "its disclosures were not checked"))
    return remarks
