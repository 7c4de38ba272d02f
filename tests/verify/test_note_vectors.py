"""The vectors of golang.org/x/mod/sumdb/note and of transparency-dev/formats."""

import json
from pathlib import Path
from typing import Any

import pytest
from reference.signing import Ed25519Signer

from proofs.errors import InvalidSignature, MalformedKey, MalformedNote, UnverifiedNote
from proofs.keys import parse_vkey
from proofs.note import open_note, parse_note, sign_note

VECTORS = Path(__file__).parent.parent / "vectors"
GOLANG = json.loads((VECTORS / "golang-mod" / "note.json").read_text())
FORMATS = json.loads((VECTORS / "formats" / "notes_and_keys.json").read_text())

ERRORS = {
    "note has no verifiable signatures": UnverifiedNote,
    "invalid signature for key PeterNeumann+c74f20a3": InvalidSignature,
    "ambiguous key EnochRoot+af0cfe78": MalformedKey,
    "malformed note (Go caps at 100 signature lines; the spec floor is 16)": (
        MalformedNote
    ),
}


def note_of(case: dict[str, Any]) -> bytes:
    """Return the bytes of a case; one is given as a line and how often it appears."""
    if "note_repeat" in case:
        repeat = case["note_repeat"]
        return str(repeat["text"] + repeat["line"] * repeat["times"]).encode()
    prefix: str = case.get("prefix_hex", "")
    note: str = case["note"]
    return bytes.fromhex(prefix) + note.encode()


def test_signing_gives_the_bytes_that_go_gives() -> None:
    signers = [Ed25519Signer.from_skey(key["skey"]) for key in GOLANG["keys"]]

    assert sign_note(GOLANG["text"].encode(), signers) == note_of(
        {"note": GOLANG["signed_by_both"]}
    )


@pytest.mark.parametrize(
    "case", [case for case in GOLANG["open_cases"] if "verified" in case]
)
def test_opening_verifies_whom_go_verifies(case: dict[str, Any]) -> None:
    verifiers = [parse_vkey(vkey) for vkey in case["verifiers"]]

    note = open_note(note_of(case), verifiers)

    assert [line.name for line in note.signatures] == case["verified"]


@pytest.mark.parametrize(
    "case", [case for case in GOLANG["open_cases"] if "error" in case]
)
def test_opening_refuses_what_go_refuses(case: dict[str, Any]) -> None:
    verifiers = [parse_vkey(vkey) for vkey in case["verifiers"]]

    with pytest.raises(ERRORS[case["error"]]):
        open_note(note_of(case), verifiers)


@pytest.mark.parametrize("case", GOLANG["malformed"], ids=lambda case: case["desc"])
def test_go_s_malformed_notes_are_malformed(case: dict[str, Any]) -> None:
    with pytest.raises(MalformedNote):
        parse_note(note_of(case))


def test_a_note_of_the_go_checksum_database_verifies() -> None:
    sumdb = FORMATS["sumdb_note"]

    note = open_note(sumdb["note"].encode(), [parse_vkey(sumdb["vkey"])])

    assert [line.name for line in note.signatures] == ["sum.golang.org"]


def test_a_note_with_several_signers_verifies_them_all() -> None:
    sumdb = FORMATS["sumdb_note"]
    verifiers = [parse_vkey(vkey) for vkey in [sumdb["vkey"], *sumdb["extra_vkeys"]]]

    note = open_note(sumdb["with_extra_signers"].encode(), verifiers)

    assert len(note.signatures) == 4


@pytest.mark.parametrize(
    "case",
    [case for case in FORMATS["parse_cases"]["cases"] if "origin" not in case],
    ids=lambda case: "+".join(case["signers"]) or "nobody",
)
def test_known_signers_are_counted_as_formats_does(case: dict[str, Any]) -> None:
    """Whether a log's own signature is there is a question for checkpoints."""
    cases, keys = FORMATS["parse_cases"], FORMATS["keys"]
    signers = [Ed25519Signer.from_skey(keys[name]["skey"]) for name in case["signers"]]
    known = [cases["log_key"], *cases["known"]]
    verifiers = [parse_vkey(keys[name]["vkey"]) for name in known]
    if not signers:
        with pytest.raises(MalformedNote):
            sign_note(cases["text"].encode(), signers)
        return

    note = open_note(sign_note(cases["text"].encode(), signers), verifiers)

    assert len(note.signatures) == case["verified"]


def test_signing_gives_the_bytes_that_formats_gives() -> None:
    cases, keys = FORMATS["parse_cases"], FORMATS["keys"]
    names = ["Log", "Known", "KnownAgain", "Unknown"]
    signers = [Ed25519Signer.from_skey(keys[name]["skey"]) for name in names]

    signed = sign_note(cases["text"].encode(), signers)

    assert signed == cases["signed_by_all"].encode()
