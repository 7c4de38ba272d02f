"""Signed notes: what is read, what is refused, and whose signature counts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.signing import Ed25519Signer

from proofs.errors import (
    InvalidSignature,
    MalformedError,
    MalformedKey,
    MalformedNote,
    UnverifiedNote,
)
from proofs.keys import parse_vkey
from proofs.note import (
    MAX_NOTE_SIZE,
    Note,
    NoteSignature,
    check_key_name,
    format_note,
    open_note,
    parse_note,
    sign_note,
)

VECTORS = Path(__file__).parent.parent / "vectors"
C2SP = json.loads((VECTORS / "c2sp" / "examples.json").read_text())

ALICE, BOB = Ed25519Signer.called("alice"), Ed25519Signer.called("bob")
ALICE_KEY, BOB_KEY = parse_vkey(ALICE.vkey), parse_vkey(BOB.vkey)
TEXT = b"one line\n"
SIGNED = sign_note(TEXT, [ALICE])
LINE = SIGNED.removeprefix(TEXT + b"\n")


def test_the_example_of_the_specification_verifies() -> None:
    example = C2SP["signed_note"]

    note = open_note(example["note"].encode(), [parse_vkey(example["vkey"])])

    assert note.text == b"This is an example message.\n"


def test_the_last_empty_line_divides_text_from_signatures() -> None:
    example = C2SP["parse_only"]

    note = parse_note(example["note_with_blank_line"].encode())

    assert note.text == example["note_text"].encode()


def test_the_lines_of_unknown_keys_are_not_returned() -> None:
    signed = sign_note(TEXT, [BOB, ALICE])

    note = open_note(signed, [ALICE_KEY])

    assert [line.name for line in note.signatures] == ["alice"]


def test_a_known_name_with_another_key_id_is_an_unknown_key() -> None:
    """Two keys of one name: the one that is not known is neither good nor bad."""
    other = Ed25519Signer.called("alice", number=1)

    with pytest.raises(UnverifiedNote) as refused:
        open_note(sign_note(TEXT, [other]), [ALICE_KEY])

    assert refused.value.note.text == TEXT


def test_a_known_key_id_with_another_name_is_an_unknown_key() -> None:
    renamed = SIGNED.replace(b" alice ", b" mallory ")

    with pytest.raises(UnverifiedNote):
        open_note(renamed, [ALICE_KEY])


def test_a_note_is_not_verified_by_nobody() -> None:
    with pytest.raises(UnverifiedNote):
        open_note(SIGNED, [])


def test_a_bad_signature_of_a_known_key_outweighs_good_ones() -> None:
    line = NoteSignature("bob", BOB.key_id, ALICE.sign(TEXT))
    note = Note(TEXT, (*parse_note(SIGNED).signatures, line))

    with pytest.raises(InvalidSignature) as refused:
        open_note(format_note(note), [ALICE_KEY, BOB_KEY])

    assert (refused.value.name, refused.value.key_id) == ("bob", BOB.key_id)


def test_a_bad_signature_of_an_unknown_key_is_ignored() -> None:
    line = NoteSignature("bob", BOB.key_id, b"\x00")
    note = Note(TEXT, (*parse_note(SIGNED).signatures, line))

    assert open_note(format_note(note), [ALICE_KEY]) == parse_note(SIGNED)


def test_a_repeated_line_counts_once() -> None:
    assert open_note(SIGNED + LINE, [ALICE_KEY]) == parse_note(SIGNED)


def test_a_bad_repeated_line_is_not_overlooked() -> None:
    line = NoteSignature("alice", ALICE.key_id, BOB.sign(TEXT))
    note = Note(TEXT, (*parse_note(SIGNED).signatures, line))

    with pytest.raises(InvalidSignature):
        open_note(format_note(note), [ALICE_KEY])


def test_two_known_keys_with_one_name_and_key_id_are_refused() -> None:
    with pytest.raises(MalformedKey):
        open_note(SIGNED, [ALICE_KEY, ALICE_KEY])


def test_every_changed_byte_of_the_text_breaks_the_signature() -> None:
    for offset in range(len(TEXT) - 1):
        changed = bytearray(SIGNED)
        changed[offset] ^= 1

        with pytest.raises(InvalidSignature):
            open_note(bytes(changed), [ALICE_KEY])


def test_every_changed_byte_of_the_signature_line_is_refused() -> None:
    for offset in range(len(TEXT) + 1, len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[offset] ^= 1

        with pytest.raises((MalformedNote, InvalidSignature, UnverifiedNote)):
            open_note(bytes(changed), [ALICE_KEY])


def test_a_hundred_signatures_are_read() -> None:
    assert len(parse_note(TEXT + b"\n" + LINE * 100).signatures) == 100


def test_delete_is_not_one_of_the_refused_control_characters() -> None:
    """U+007F is allowed by the letter of the specification."""
    assert parse_note(SIGNED.replace(b"one", b"o\x7fe")).text == b"o\x7fe line\n"


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u2029"])
def test_only_newlines_divide_lines(separator: str) -> None:
    """What str.splitlines splits at is part of the text, like any character."""
    text = f"one{separator}line\n".encode()

    assert open_note(sign_note(text, [ALICE]), [ALICE_KEY]).text == text


REFUSED = {
    "CRLF": SIGNED.replace(b"\n", b"\r\n"),
    "CR in the text": SIGNED.replace(b"line\n", b"line\r\n"),
    "TAB": SIGNED.replace(b"one line", b"one\tline"),
    "NUL": SIGNED.replace(b"one line", b"one\x00line"),
    "no last newline": SIGNED[:-1],
    "two last newlines": SIGNED + b"\n",
    "two spaces after the dash": TEXT + b"\n" + LINE.replace(b" alice", b"  alice"),
    "two spaces after the name": TEXT + b"\n" + LINE.replace(b"alice ", b"alice  "),
    "a space at the end of a line": SIGNED[:-1] + b" \n",
    "a hyphen instead of a dash": SIGNED.replace("\u2014".encode(), b"-"),
    "an en dash instead of an em dash": SIGNED.replace(
        "\u2014".encode(), "\u2013".encode()
    ),
    "no-break space in a name": SIGNED.replace(b"alice", "al\u00a0ce".encode()),
    "plus sign in a name": SIGNED.replace(b"alice", b"al+ce"),
    "no name": SIGNED.replace(b" alice ", b" "),
    "an empty name": SIGNED.replace(b" alice ", b"  "),
    "a name of 256 bytes": SIGNED.replace(b"alice", b"a" * 256),
    "a signature of 4 bytes": TEXT + b"\n" + "\u2014 alice AAAAAA==\n".encode(),
    "101 signatures": TEXT + b"\n" + LINE * 101,
    "non-canonical base64": TEXT + b"\n" + "\u2014 alice AAAAAAB=\n".encode(),
    "base64 without padding": TEXT + b"\n" + "\u2014 alice AAAAAAA\n".encode(),
    "URL-safe base64": TEXT + b"\n" + "\u2014 alice AA-_AAA=\n".encode(),
    "invalid UTF-8": SIGNED.replace(b"one", b"\xff\xfe\xfd"),
    "overlong UTF-8": SIGNED.replace(b"one", b"\xc0\xafe"),
    "surrogate in UTF-8": SIGNED.replace(b"one", b"\xed\xa0\x80"),
    "signatures only": LINE,
    "signatures after an empty line only": b"\n" + LINE,
    "text only": TEXT,
    "text and an empty line": TEXT + b"\n",
    "a line after the signatures": SIGNED + b"unexpected\n",
    "nothing": b"",
    "more than a megabyte": b"a" * MAX_NOTE_SIZE + SIGNED,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedNote):
        parse_note(data)


@pytest.mark.parametrize(
    "note",
    [
        Note(b"no newline", (NoteSignature("alice", b"abcd", b"s"),)),
        Note(b"", (NoteSignature("alice", b"abcd", b"s"),)),
        Note(TEXT, ()),
        Note(TEXT, (NoteSignature("a+b", b"abcd", b"s"),)),
        Note(TEXT, (NoteSignature("a b", b"abcd", b"s"),)),
        Note(TEXT, (NoteSignature("a\ud800", b"abcd", b"s"),)),
        Note(TEXT, (NoteSignature("alice", b"abcde", b"s"),)),
        Note(TEXT, (NoteSignature("alice", b"abcd", b""),)),
    ],
)
def test_what_would_not_read_back_is_not_written(note: Note) -> None:
    with pytest.raises(MalformedNote):
        format_note(note)


@pytest.mark.parametrize("text", [b"abc", b"a\tb\n", b"\xff\n", b""])
def test_what_is_no_text_is_not_signed(text: bytes) -> None:
    with pytest.raises(MalformedNote):
        sign_note(text, [ALICE])


@pytest.mark.parametrize("name", ["a b", "a+b", "", "a\u3000b", "a\nb"])
def test_a_signer_without_a_possible_name_signs_nothing(name: str) -> None:
    with pytest.raises(MalformedNote):
        sign_note(TEXT, [Ed25519Signer(name, bytes(32))])


def test_no_white_space_of_unicode_is_in_a_name() -> None:
    """The White_Space characters of PropList.txt, Unicode 15."""
    spaces = [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]
    for code in [*spaces, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]:
        with pytest.raises(MalformedError):
            check_key_name(f"a{chr(code)}b")


def test_a_name_may_have_255_bytes() -> None:
    check_key_name("a" * 255)
    check_key_name("\u00e9" * 127)

    with pytest.raises(MalformedError):
        check_key_name("\u00e9" * 128)


names = st.text(st.characters(min_codepoint=0x21, codec="utf-8"), max_size=40).filter(
    lambda name: bool(name) and "+" not in name and not any(map(str.isspace, name))
)
texts = st.text(st.characters(min_codepoint=0x20, codec="utf-8") | st.just("\n")).map(
    lambda text: f"{text}\n".encode()
)
lines = st.builds(
    NoteSignature,
    names,
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=80),
)


@given(st.builds(Note, texts, st.lists(lines, min_size=1, max_size=4).map(tuple)))
def test_every_note_reads_back(note: Note) -> None:
    assert parse_note(format_note(note)) == note


@given(st.binary() | st.binary().map(lambda data: data + b"\n\n" + LINE))
def test_any_bytes_are_a_note_or_malformed(data: bytes) -> None:
    try:
        note = parse_note(data)
    except MalformedNote:
        return

    assert format_note(note) == data
