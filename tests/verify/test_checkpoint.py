"""Checkpoints: what is read, what is refused, and which key speaks for which log."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.signing import Ed25519Signer, TreeHeadSigner

from proofs.checkpoint import (
    Checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
)
from proofs.errors import (
    InvalidSignature,
    MalformedCheckpoint,
    MalformedNote,
    UnverifiedNote,
    VerificationError,
)
from proofs.hashing import EMPTY_ROOT
from proofs.keys import parse_vkey
from proofs.note import parse_note, sign_note

VECTORS = Path(__file__).parent.parent / "vectors"
FORMATS = json.loads((VECTORS / "formats" / "checkpoint_parse.json").read_text())
C2SP = json.loads((VECTORS / "c2sp" / "examples.json").read_text())
SUMDB = json.loads((VECTORS / "formats" / "notes_and_keys.json").read_text())[
    "sumdb_note"
]

ROOT = bytes(range(32))
ROOT64 = b64encode(ROOT).decode()
LOG, OTHER = Ed25519Signer.called("example.com/log"), Ed25519Signer.called("other")
LOG_KEY, OTHER_KEY = parse_vkey(LOG.vkey), parse_vkey(OTHER.vkey)
CHECKPOINT = Checkpoint("example.com/log", 41, ROOT)
SIGNED = sign_note(format_checkpoint(CHECKPOINT), [LOG])


def test_a_checkpoint_has_three_lines() -> None:
    text = f"example.com/log\n41\n{ROOT64}\n".encode()

    assert format_checkpoint(CHECKPOINT) == text
    assert parse_checkpoint(text) == CHECKPOINT


def test_further_lines_are_extensions() -> None:
    text = f"example.com/log\n41\n{ROOT64}\none\ntwo lines\n".encode()

    assert parse_checkpoint(text).extensions == ("one", "two lines")


def test_the_empty_log_has_the_empty_root() -> None:
    text = b"log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

    assert parse_checkpoint(text) == Checkpoint("log", 0, EMPTY_ROOT)


def test_the_largest_size_is_below_two_to_the_63() -> None:
    text = f"log\n{2**63 - 1}\n{ROOT64}\n".encode()

    assert parse_checkpoint(text).size == 2**63 - 1


def test_an_origin_may_contain_spaces() -> None:
    """It should not, and that of the Go checksum database does."""
    note = parse_note(SUMDB["note"].encode())

    assert parse_checkpoint(note.text).origin == "go.sum database tree"


def test_the_example_of_c2sp_verifies() -> None:
    example = C2SP["checkpoint_issue_99"]

    signed = open_checkpoint(example["note"].encode(), [parse_vkey(example["vkey"])])

    assert signed.checkpoint.size == 10
    assert signed.timestamp_ms is None


def test_a_cosigned_example_of_c2sp_is_read() -> None:
    note = parse_note(C2SP["parse_only"]["checkpoint_with_cosignature"].encode())

    assert parse_checkpoint(note.text).size == 20852163
    assert len(note.signatures) == 2


@pytest.mark.parametrize("case", FORMATS["cases"], ids=lambda case: case["desc"])
def test_the_cases_of_formats_are_decided_strictly(case: dict[str, Any]) -> None:
    """All of them are refused by the letter of the specification."""
    assert case["strict"].startswith("reject")

    with pytest.raises(MalformedCheckpoint):
        parse_checkpoint(case["text"].encode())


def with_size(size: str) -> bytes:
    """Return a checkpoint that spells its size so."""
    return f"log\n{size}\n{ROOT64}\n".encode()


def with_root(root: bytes) -> bytes:
    """Return a checkpoint with a root hash of any length."""
    return f"log\n41\n{b64encode(root).decode()}\n".encode()


REFUSED = {
    "size 00": with_size("00"),
    "size 041": with_size("041"),
    "size +1": with_size("+1"),
    "size -1": with_size("-1"),
    "size 1e3": with_size("1e3"),
    "size 1_0": with_size("1_0"),
    "size with a space": with_size(" 1"),
    "size in Arabic digits": with_size("\u0664\u0662"),
    "no size": with_size(""),
    "size 2^63": with_size(str(2**63)),
    "size 2^64": with_size(str(2**64)),
    "size of a thousand digits": with_size("1" * 1000),
    "root of 31 bytes": with_root(bytes(31)),
    "root of 33 bytes": with_root(bytes(33)),
    "non-canonical root": with_root(bytes(32)).replace(b"AAA=", b"AAB="),
    "root in hex": f"log\n41\n{ROOT.hex()}\n".encode(),
    "an empty extension line": with_size("41") + b"\n",
    "an empty line between extensions": with_size("41") + b"one\n\ntwo\n",
    "an empty origin": with_size("41").removeprefix(b"log"),
    "an origin of 256 bytes": with_size("41").replace(b"log", b"a" * 256),
    "size 0 with a root that is not empty": with_size("0"),
    "two lines": b"log\n41\n",
    "no last newline": with_size("41")[:-1],
    "CRLF": with_size("41").replace(b"\n", b"\r\n"),
    "a control character in the origin": with_size("41").replace(b"log", b"l\x01g"),
    "invalid UTF-8": with_size("41").replace(b"log", b"\xff"),
    "nothing": b"",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("a\nb", 41, ROOT),
        Checkpoint("", 41, ROOT),
        Checkpoint("\ud800", 41, ROOT),
        Checkpoint("log", -1, ROOT),
        Checkpoint("log", 2**63, ROOT),
        Checkpoint("log", 41, ROOT[:31]),
        Checkpoint("log", 0, ROOT),
        Checkpoint("log", 41, ROOT, ("",)),
        Checkpoint("log", 41, ROOT, ("one\ntwo",)),
    ],
)
def test_what_would_not_read_back_is_not_written(checkpoint: Checkpoint) -> None:
    with pytest.raises(MalformedCheckpoint):
        format_checkpoint(checkpoint)


def test_opening_returns_what_was_verified() -> None:
    signed = open_checkpoint(SIGNED, [LOG_KEY])

    assert signed.checkpoint == CHECKPOINT
    assert signed.raw == SIGNED


def test_a_key_speaks_for_the_log_of_its_own_name_only() -> None:
    """Otherwise a log could sign checkpoints for every other one."""
    forged = sign_note(format_checkpoint(CHECKPOINT), [OTHER])

    with pytest.raises(VerificationError, match="other"):
        open_checkpoint(forged, [LOG_KEY, OTHER_KEY])


def test_a_further_signature_under_another_name_does_not_hurt() -> None:
    signed = sign_note(format_checkpoint(CHECKPOINT), [OTHER, LOG])

    assert open_checkpoint(signed, [LOG_KEY, OTHER_KEY]).checkpoint == CHECKPOINT


def test_an_origin_that_is_not_the_key_s_name_has_to_be_named() -> None:
    raw, key = SUMDB["note"].encode(), parse_vkey(SUMDB["vkey"])

    signed = open_checkpoint(raw, [key], origin="go.sum database tree")

    assert signed.checkpoint.size == 6476701
    with pytest.raises(VerificationError):
        open_checkpoint(raw, [key])


def test_another_origin_than_the_named_one_is_refused() -> None:
    """From formats: "this is not the logID you are looking for"."""
    with pytest.raises(VerificationError):
        open_checkpoint(SIGNED, [LOG_KEY], origin="example.com/log2")


def test_a_checkpoint_without_a_signature_of_its_log_is_refused() -> None:
    with pytest.raises(UnverifiedNote):
        open_checkpoint(SIGNED, [OTHER_KEY])


def test_a_bad_signature_of_the_log_is_refused() -> None:
    changed = SIGNED.replace(b"\n41\n", b"\n42\n")

    with pytest.raises(InvalidSignature):
        open_checkpoint(changed, [LOG_KEY])


@pytest.mark.parametrize("signer", [LOG, OTHER], ids=["known", "unknown"])
def test_two_lines_of_one_key_are_refused(signer: Ed25519Signer) -> None:
    """A note may have them, a checkpoint may not, whether the key is known or not."""
    line = parse_note(sign_note(format_checkpoint(CHECKPOINT), [signer]))
    repeated = sign_note(line.text, [LOG, signer, signer])

    with pytest.raises(MalformedCheckpoint, match="same name and key id"):
        open_checkpoint(repeated, [LOG_KEY])


def test_a_note_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(MalformedCheckpoint):
        open_checkpoint(sign_note(b"text\n", [LOG]), [LOG_KEY])


def test_bytes_that_are_no_note_are_refused() -> None:
    with pytest.raises(MalformedNote):
        open_checkpoint(format_checkpoint(CHECKPOINT), [LOG_KEY])


def test_the_time_comes_from_a_verified_tree_head_signature() -> None:
    head = TreeHeadSigner(LOG.name, 1234, CHECKPOINT.size, ROOT)
    raw = sign_note(format_checkpoint(CHECKPOINT), [LOG, head])

    assert open_checkpoint(raw, [LOG_KEY, parse_vkey(head.vkey)]).timestamp_ms == 1234
    assert open_checkpoint(raw, [LOG_KEY]).timestamp_ms is None


lines = st.text(
    st.characters(min_codepoint=0x20, codec="utf-8"), min_size=1, max_size=60
)


@given(
    st.builds(
        Checkpoint,
        lines,
        st.integers(1, 2**63 - 1),
        st.binary(min_size=32, max_size=32),
        st.lists(lines, max_size=3).map(tuple),
    )
)
def test_every_checkpoint_reads_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


@given(
    st.binary()
    | st.tuples(st.binary(), st.binary(), st.binary()).map(
        lambda parts: b"%b\n%b\n%b\n" % parts
    )
)
def test_any_bytes_are_a_checkpoint_or_malformed(data: bytes) -> None:
    try:
        checkpoint = parse_checkpoint(data)
    except MalformedCheckpoint:
        return

    assert format_checkpoint(checkpoint) == data
