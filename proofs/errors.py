"""The exceptions of the verification library.

::

    ProofsError
    ├─ MalformedError        not the canonical encoding of anything
    │  ├─ MalformedNote
    │  ├─ MalformedCheckpoint
    │  ├─ MalformedTile
    │  ├─ MalformedProof
    │  ├─ MalformedReceipt
    │  └─ MalformedKey
    └─ VerificationError     well formed, and false
       ├─ RootMismatch       .expected .calculated .subject
       ├─ Inconsistent       .old .new .proof: the evidence
       ├─ InvalidSignature   .name .key_id
       └─ UnverifiedNote     .note

A ``verify_*`` or ``open_*`` function returns nothing but what it verified, or
raises one of these. None of them is ever turned into a bool.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .note import Note


class ProofsError(Exception):
    """Never raised itself: the root of every error of this library."""


class MalformedError(ProofsError):
    """The input is not the canonical encoding of what it should be."""


class MalformedNote(MalformedError):
    """Not a signed note (c2sp.org/signed-note)."""


class MalformedCheckpoint(MalformedError):
    """Not a checkpoint (c2sp.org/tlog-checkpoint)."""


class MalformedTile(MalformedError):
    """Not a tile, an entry bundle or a path of one (c2sp.org/tlog-tiles)."""


class MalformedProof(MalformedError):
    """A proof that has the wrong number or length of hashes, or is not a tlog-proof."""


class MalformedReceipt(MalformedError):
    """Not a receipt in JSON."""


class MalformedKey(MalformedError):
    """Not a verifier key, or one that no honest signer would have."""


class VerificationError(ProofsError):
    """The input is well formed, and what it claims is false."""


class RootMismatch(VerificationError):
    """A proof leads to another root than the one that was given.

    *subject* is what has that root: the tree, or the path of a tile.
    """

    def __init__(
        self, *, expected: bytes, calculated: bytes, subject: str = "the tree"
    ) -> None:
        super().__init__(
            f"root mismatch of {subject}: "
            f"expected {expected.hex()}, calculated {calculated.hex()}"
        )
        self.expected = expected
        self.calculated = calculated
        self.subject = subject


class Inconsistent(VerificationError):
    """Two views of one log that no append-only log can have shown.

    Carries both views as they were received, so that the failure is evidence.
    """

    def __init__(self, *, old: bytes, new: bytes, proof: Sequence[bytes] = ()) -> None:
        super().__init__("two signed views of the log conflict")
        self.old = old
        self.new = new
        self.proof = tuple(proof)


class InvalidSignature(VerificationError):
    """A signature by a known key does not verify."""

    def __init__(self, *, name: str, key_id: bytes) -> None:
        super().__init__(f"invalid signature by {name}+{key_id.hex()}")
        self.name = name
        self.key_id = key_id


class UnverifiedNote(VerificationError):
    """No known key signed the note. The note itself is well formed."""

    def __init__(self, note: "Note") -> None:
        signers = ", ".join(f"{s.name}+{s.key_id.hex()}" for s in note.signatures)
        super().__init__(f"no known key signed the note; it is signed by {signers}")
        self.note = note
