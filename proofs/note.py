"""Signed notes according to c2sp.org/signed-note: text, and signatures over it.

::

    This is an example message.                   the text, ends in a newline
                                                  an empty line, the last of the note
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1T…   one line or more of signatures

A signature line is an em dash (U+2014), a space, the name of a key, a space, and
base64 of the key id (4 bytes) and the signature. Name and key id together say which
key is meant. Neither proves anything: a signature counts only when a key that the
verifier chose beforehand verifies it.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from .errors import (
    MalformedError,
    MalformedKey,
    MalformedNote,
    UnverifiedNote,
)
from .text import format_base64, parse_base64, split_lines

KEY_ID_SIZE = 4

# The specification sets no limits but asks for them; these are those of Go's
# golang.org/x/mod/sumdb/note, so that both accept the same notes.
MAX_NOTE_SIZE = 1_000_000
MAX_SIGNATURES = 100

# Cosigned messages hold the name behind a length of one byte (c2sp.org/
# tlog-cosignature), so a longer name could never be cosigned.
MAX_NAME_SIZE = 255

_DASH = "\u2014 "
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")

# Of text, \s covers Unicode's White_Space, and U+001C to U+001F besides, which are
# control characters.
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


class NoteSignature(NamedTuple):
    """One signature line: whose it claims to be, and the bytes to verify."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A parsed note. *text* includes its final newline; the empty line is left out."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


class Verifier(Protocol):
    """A public key, under the name by which notes refer to it."""

    @property
    def name(self) -> str:
        """The key's name, by convention the origin of the log."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell keys of one name apart. Not a secret, not unique."""

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if *signature*, without key id, is this key's over the note *text*.

        Raises:
            InvalidSignature: for any other bytes, well formed or not.
        """


class Signer(Protocol):
    """A private key, under the name by which notes refer to it."""

    @property
    def name(self) -> str:
        """The key's name, by convention the origin of the log."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell keys of one name apart."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature over the note *text*, without key id."""


def check_key_name(name: str) -> None:
    """Return if *name* can be the name of a key.

    Raises:
        MalformedError: empty, longer than 255 bytes, a "+", white space, a control
            character, or not encodable as UTF-8.
    """
    if not _NAME.fullmatch(name):
        raise MalformedError(
            f'not a key name, which has no white space and no "+": {name[:64]!r}'
        )
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise MalformedError(f"not a key name: {name[:64]!r}") from error
    if size > MAX_NAME_SIZE:
        raise MalformedError(f"a key name has at most {MAX_NAME_SIZE} bytes: {size}")


def check_text(text: bytes) -> None:
    """Return if *text* can be the text of a note.

    Raises:
        MalformedNote: not UTF-8, no final newline, or a control character other
            than the newline. A carriage return is one.
    """
    if _CONTROL.search(text):
        raise MalformedNote("a note has no control characters except newlines")
    if not text.endswith(b"\n"):
        raise MalformedNote("the text of a note ends in a newline")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedNote("a note is UTF-8") from error


def parse_note(data: bytes) -> Note:
    """Return the note that *data* encodes. Verifies no signature.

    Raises:
        MalformedNote: not a note, more than 1 MB, or more than 100 signatures.
    """
    if len(data) > MAX_NOTE_SIZE:
        raise MalformedNote(f"a note has at most {MAX_NOTE_SIZE} bytes: {len(data)}")
    check_text(data)
    # The text may contain empty lines, the signatures may not: the last one divides.
    text, divider, block = data.rpartition(b"\n\n")
    if not divider or not block:
        raise MalformedNote("a note has text, an empty line, and signatures")
    lines = split_lines(block)
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(text + b"\n", tuple(_parse_signature_line(line) for line in lines))


def format_note(note: Note) -> bytes:
    """Return the bytes of *note*.

    Raises:
        MalformedNote: these bytes would not parse back to this note.
    """
    lines = "".join(_format_signature_line(line) for line in note.signatures)
    data = note.text + b"\n" + lines.encode("utf-8", errors="surrogatepass")
    # Whatever a name or a text can contain, nobody will read another note than this.
    if parse_note(data) != note:
        raise MalformedNote("the text or a key name cannot be part of a note")
    return data


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Parse a note and return it with only the signatures that *verifiers* verified.

    Lines of unknown keys are ignored, also where only the name or only the key id is
    unknown. Every line of a known key has to verify. If a key signed more than once,
    its first signature is returned.

    Raises:
        MalformedNote: not a note.
        InvalidSignature: a line of a known key does not verify. The other lines do
            not make up for it: somebody altered the note, or signs in that name.
        UnverifiedNote: there is no line of any known key.
        MalformedKey: two of *verifiers* have the same name and key id.
    """
    note = parse_note(data)
    known = _by_name_and_key_id(verifiers)
    verified: dict[tuple[str, bytes], NoteSignature] = {}
    for line in note.signatures:
        key = (line.name, line.key_id)
        if key in known:
            known[key].verify(note.text, line.signature)
            verified.setdefault(key, line)
    if not verified:
        raise UnverifiedNote(note)
    return Note(note.text, tuple(verified.values()))


def sign_note(text: bytes, signers: Iterable[Signer]) -> bytes:
    """Return *text* as a note with one line of each of *signers*, in their order.

    Raises:
        MalformedNote: *text* or the name of a signer cannot be part of a note, or
            there is no signer.
    """
    check_text(text)
    lines = [NoteSignature(s.name, s.key_id, s.sign(text)) for s in signers]
    return format_note(Note(text, tuple(lines)))


def _parse_signature_line(line: str) -> NoteSignature:
    """Return the parts of a signature line, given without its newline."""
    fields = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(fields) != 2:
        raise MalformedNote(f"not a signature line: {line[:64]!r}")
    name, encoded = fields
    try:
        check_key_name(name)
        data = parse_base64(encoded)
    except MalformedError as error:
        raise MalformedNote(f"in a signature line: {error}") from error
    if len(data) <= KEY_ID_SIZE:
        raise MalformedNote(f"a signature line of {name} without signature")
    return NoteSignature(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def _format_signature_line(line: NoteSignature) -> str:
    """Return a signature line with its newline."""
    return f"{_DASH}{line.name} {format_base64(line.key_id + line.signature)}\n"


def _by_name_and_key_id(
    verifiers: Iterable[Verifier],
) -> dict[tuple[str, bytes], Verifier]:
    """Return *verifiers* by what a signature line says about its key."""
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        key = (verifier.name, verifier.key_id)
        # Key ids have 32 bits: whoever chooses a key can make two collide.
        if key in known:
            raise MalformedKey(
                f"two known keys are both called {key[0]}+{key[1].hex()}"
            )
        known[key] = verifier
    return known
