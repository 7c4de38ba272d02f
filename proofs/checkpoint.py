"""Checkpoints according to c2sp.org/tlog-checkpoint: signed tree heads.

A checkpoint is a signed note whose text says what a log contains::

    example.com/audit                               origin: the name of the log
    41                                              size of the tree
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    its root hash

    — example.com/audit Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5…

Further lines of the text are extensions, opaque here; this log writes none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .errors import MalformedCheckpoint, MalformedError, VerificationError
from .hashing import EMPTY_ROOT, HASH_SIZE
from .note import MAX_NAME_SIZE, Note, Verifier, check_text, open_note, parse_note
from .text import format_base64, parse_base64, parse_decimal, split_lines


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The text of a checkpoint: one claim of one log. Nothing here is verified."""

    origin: str
    size: int
    root_hash: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that a key of the log signed. Only `open_checkpoint` makes one."""

    checkpoint: Checkpoint
    note: Note
    """The note with only the signatures that were verified."""
    raw: bytes
    """The note as it was received: evidence, should it conflict with another."""
    timestamp_ms: int | None
    """When the log says it signed, in ms since 1970, from a verified tree head
    signature (0x05). None where there is none: other signatures carry no time."""


@runtime_checkable
class TreeHeadTime(Protocol):
    """What a verifier offers whose signatures carry the time of the tree head."""

    def timestamp_of(self, signature: bytes) -> int:
        """Return the time in a verified *signature*, in ms since 1970."""


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Return the checkpoint that the *text* of a note spells.

    Raises:
        MalformedCheckpoint: not exactly what `format_checkpoint` would write.
    """
    try:
        check_text(text)
        lines = split_lines(text)
        if len(lines) < 3 or "" in lines:
            raise MalformedCheckpoint("three lines or more, none of them empty")
        size = parse_decimal(lines[1])
        root_hash = parse_base64(lines[2], length=HASH_SIZE)
    except MalformedError as error:
        raise MalformedCheckpoint(f"not a checkpoint: {error}") from error
    if len(lines[0].encode("utf-8")) > MAX_NAME_SIZE:
        raise MalformedCheckpoint(f"an origin has at most {MAX_NAME_SIZE} bytes")
    if size == 0 and root_hash != EMPTY_ROOT:
        raise MalformedCheckpoint("size 0 with a root hash that is not the empty one")
    return Checkpoint(lines[0], size, root_hash, tuple(lines[3:]))


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the text of *checkpoint*, to be signed as a note.

    Raises:
        MalformedCheckpoint: this text would not parse back to this checkpoint.
    """
    root = format_base64(checkpoint.root_hash)
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    # What is about to be signed is what a reader will understand, or it is refused.
    if parse_checkpoint(text) != checkpoint:
        raise MalformedCheckpoint("a line of the checkpoint contains a newline")
    return text


def open_checkpoint(
    raw: bytes, verifiers: Iterable[Verifier], *, origin: str | None = None
) -> SignedCheckpoint:
    """Parse a checkpoint and verify it with *verifiers*, the keys of one log.

    A key speaks for the log of its own name. Where a log's keys have other names
    than its origin, pass the *origin* that they are to be believed about. Without
    either check, a key of one log could sign for another.

    Raises:
        MalformedNote: not a note.
        MalformedCheckpoint: not a checkpoint, or two lines of the same key.
        InvalidSignature: a line of a known key does not verify.
        UnverifiedNote: no known key signed it.
        VerificationError: a known key signed it, for another origin than its own.
    """
    parsed = parse_note(raw)
    _refuse_repeated_keys(parsed)
    checkpoint = parse_checkpoint(parsed.text)
    keys = list(verifiers)
    note = open_note(raw, keys)
    if origin is None and all(s.name != checkpoint.origin for s in note.signatures):
        names = ", ".join(s.name for s in note.signatures)
        raise VerificationError(
            f"a checkpoint of {checkpoint.origin!r}, signed only by keys of {names}"
        )
    if origin is not None and origin != checkpoint.origin:
        raise VerificationError(
            f"a checkpoint of {checkpoint.origin!r}, not of {origin!r}"
        )
    return SignedCheckpoint(checkpoint, note, raw, _timestamp_ms(note, keys))


def _refuse_repeated_keys(note: Note) -> None:
    """Raise MalformedCheckpoint if two lines have the same name and key id."""
    keys = [(line.name, line.key_id) for line in note.signatures]
    if len(set(keys)) != len(keys):
        raise MalformedCheckpoint("two signatures with the same name and key id")


def _timestamp_ms(note: Note, verifiers: Iterable[Verifier]) -> int | None:
    """Return the time of the tree head signature in a verified *note*, if any."""
    clocks = {
        (verifier.name, verifier.key_id): verifier
        for verifier in verifiers
        if isinstance(verifier, TreeHeadTime)
    }
    for line in note.signatures:
        clock = clocks.get((line.name, line.key_id))
        if clock is not None:
            return clock.timestamp_of(line.signature)
    return None
