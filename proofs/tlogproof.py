"""Proofs of inclusion that stand alone, according to c2sp.org/tlog-proof@v1.

::

    c2sp.org/tlog-proof@v1
    extra ZXh0cmEgaW5mb3JtYXRpb24=                  optional, and nobody's word
    index 10
    rzFuy5Go7nrpkhBwKy1HWPMM3eO/YePY54fXRoH5Cm4=    the proof, from the leaf upwards
    5784L25ZFbP4hhm4ZiI+vx1RxMUyHMzeLp/3AKMlkIY=

    example.com/audit                               the checkpoint, verbatim,
    …                                               with its cosignatures

The entry is not in it: whoever verifies brings its leaf hash.
"""

from dataclasses import dataclass

from .errors import MalformedError, MalformedProof
from .hashing import HASH_SIZE
from .note import MAX_NOTE_SIZE
from .text import format_base64, parse_base64, parse_decimal, split_lines

_HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = "index "

# Enough for any tree of less than 2^63 leaves, which is every tree.
_MAX_HASHES = 63

# The format sets no limit: this one leaves as much for *extra* as for the note.
_MAX_SIZE = 2 * MAX_NOTE_SIZE


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A claim that some entry has *index* in the tree of *checkpoint*."""

    index: int
    proof: tuple[bytes, ...]
    """Inclusion proof, 32-byte hashes, the leaf's sibling first."""
    checkpoint: bytes
    """A signed note, not parsed here."""
    extra: bytes | None = None
    """Whatever the sender put in. Nothing authenticates it."""


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Return the proof that *data* spells. Verifies nothing.

    Raises:
        MalformedProof: not exactly what `format_tlog_proof` would write.
    """
    if len(data) > _MAX_SIZE:
        raise MalformedProof(f"a tlog-proof has at most {_MAX_SIZE} bytes")
    head, divider, checkpoint = data.partition(b"\n\n")
    if not divider or not checkpoint:
        raise MalformedProof("a tlog-proof has an empty line, then a checkpoint")
    try:
        return _parse_head(split_lines(head + b"\n"), checkpoint)
    except MalformedError as error:
        raise MalformedProof(f"not a tlog-proof: {error}") from error


def format_tlog_proof(proof: TlogProof) -> bytes:
    """Return the text of *proof*.

    Raises:
        MalformedProof: this text would not parse back to this proof.
    """
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(_EXTRA + format_base64(proof.extra))
    lines.append(f"{_INDEX}{proof.index}")
    lines.extend(format_base64(digest) for digest in proof.proof)
    data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint
    if parse_tlog_proof(data) != proof:
        raise MalformedProof("these values have no spelling as a tlog-proof")
    return data


def _parse_head(lines: list[str], checkpoint: bytes) -> TlogProof:
    """Return the proof whose *lines* precede the empty line."""
    if lines.pop(0) != _HEADER:
        raise MalformedProof(f"the first line has to be {_HEADER}")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = parse_base64(lines.pop(0).removeprefix(_EXTRA))
        if not extra:
            raise MalformedProof("an extra line without content")
    if not lines or not lines[0].startswith(_INDEX):
        raise MalformedProof("there is no index line")
    index = parse_decimal(lines.pop(0).removeprefix(_INDEX))
    if len(lines) > _MAX_HASHES:
        raise MalformedProof(f"more than {_MAX_HASHES} hashes")
    hashes = tuple(parse_base64(line, length=HASH_SIZE) for line in lines)
    return TlogProof(index, hashes, checkpoint, extra)
