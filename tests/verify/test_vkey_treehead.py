"""Keys of type 0x05: RFC 6962 tree heads as signatures of checkpoints."""

import json
from binascii import a2b_base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.signing import TreeHeadSigner

from proofs.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    format_checkpoint,
    open_checkpoint,
)
from proofs.errors import InvalidSignature, MalformedCheckpoint, MalformedError
from proofs.keys import TreeHeadVerifier, parse_vkey
from proofs.note import sign_note
from proofs.treehead import (
    TreeHeadSignature,
    decode_tree_head_signature,
    encode_tree_head_signature,
)

VECTORS = Path(__file__).parent.parent / "vectors"
ROME, ARGON = json.loads(
    (VECTORS / "formats" / "rfc6962_and_ecdsa_notes.json").read_text()
)["static_ct_0x05"]

ROOT = bytes(range(32))
SIGNER = TreeHeadSigner("log", 1_711_642_477_482, 41, ROOT)
TEXT = format_checkpoint(Checkpoint("log", 41, ROOT))
VERIFIER = parse_vkey(SIGNER.vkey)


def opened(case: dict[str, Any], name: str, note: str) -> SignedCheckpoint:
    """Open the note of a vector with its key, by way of a vkey."""
    key = TreeHeadVerifier(name, a2b_base64(case["log_public_key_spki_b64"]))
    assert key.key_id.hex() == case["key_id"]
    return open_checkpoint(note.encode(), [parse_vkey(key.vkey)])


def test_a_checkpoint_of_a_static_ct_log_verifies() -> None:
    signed = opened(ROME, "rome.ct.filippo.io/2024h1", ROME["note"])

    assert signed.checkpoint.size == 115474666
    assert signed.timestamp_ms == 0x018E7E815952


def test_a_tree_head_of_get_sth_verifies_as_a_checkpoint() -> None:
    signed = opened(ARGON, ARGON["origin"], ARGON["checkpoint"])

    assert signed.timestamp_ms == ARGON["get_sth"]["timestamp"]
    assert signed.checkpoint.size == ARGON["get_sth"]["tree_size"]


def test_a_checkpoint_gives_back_the_signature_of_get_sth() -> None:
    signed = opened(ARGON, ARGON["origin"], ARGON["checkpoint"])

    head = decode_tree_head_signature(signed.note.signatures[0].signature)

    assert head.digitally_signed == a2b_base64(ARGON["get_sth"]["tree_head_signature"])


def test_the_vkey_carries_the_key_and_its_id_covers_the_log_id() -> None:
    key = a2b_base64(ROME["log_public_key_spki_b64"])

    vkey = TreeHeadVerifier("rome.ct.filippo.io/2024h1", key).vkey

    assert vkey.startswith("rome.ct.filippo.io/2024h1+78f4abae+BTBZMBMG")


def test_every_changed_byte_of_the_signature_is_refused() -> None:
    signature = SIGNER.sign(TEXT)
    VERIFIER.verify(TEXT, signature)
    for offset in range(len(signature)):
        changed = bytearray(signature)
        changed[offset] ^= 1

        with pytest.raises(InvalidSignature):
            VERIFIER.verify(TEXT, bytes(changed))


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("log", 42, ROOT),
        Checkpoint("log", 41, bytes(32)),
        Checkpoint("other", 41, ROOT),
        Checkpoint("log", 41, ROOT, ("an extension",)),
    ],
    ids=["size", "root", "origin", "extension"],
)
def test_the_signature_stands_for_one_checkpoint_only(checkpoint: Checkpoint) -> None:
    """Origin and extensions are not signed: they are fixed by the rules."""
    with pytest.raises(InvalidSignature):
        VERIFIER.verify(format_checkpoint(checkpoint), SIGNER.sign(TEXT))


def test_a_text_that_is_no_checkpoint_is_not_verified() -> None:
    with pytest.raises(InvalidSignature):
        VERIFIER.verify(b"log\n41\n", SIGNER.sign(TEXT))


def test_extension_lines_are_refused_in_a_note() -> None:
    text = format_checkpoint(Checkpoint("log", 41, ROOT, ("an extension",)))

    with pytest.raises(InvalidSignature):
        open_checkpoint(sign_note(text, [SIGNER]), [VERIFIER])


def test_a_text_that_is_no_checkpoint_is_called_so() -> None:
    with pytest.raises(MalformedCheckpoint):
        open_checkpoint(sign_note(b"log\n41\n", [SIGNER]), [VERIFIER])


@pytest.mark.parametrize("cut", [0, 7, 8, 11, 20])
def test_a_signature_cut_short_is_malformed(cut: int) -> None:
    with pytest.raises(MalformedError):
        decode_tree_head_signature(SIGNER.sign(TEXT)[:cut])


def test_a_signature_beyond_its_length_field_is_malformed() -> None:
    with pytest.raises(MalformedError):
        decode_tree_head_signature(bytes(8) + b"\x04\x03\xff\xff" + bytes(0x10000))


def test_another_algorithm_is_malformed() -> None:
    """SHA-256 with RSA is a signature that RFC 6962 allows, and nobody makes here."""
    with pytest.raises(MalformedError):
        decode_tree_head_signature(bytes(8) + b"\x04\x01\x00\x01\x00")


@given(st.integers(0, 2**64 - 1), st.binary(max_size=100))
def test_every_signature_reads_back(timestamp_ms: int, ecdsa: bytes) -> None:
    signature = TreeHeadSignature(timestamp_ms, ecdsa)

    data = encode_tree_head_signature(signature)

    assert decode_tree_head_signature(data) == signature


@given(st.binary())
def test_any_bytes_are_a_signature_or_malformed(data: bytes) -> None:
    try:
        signature = decode_tree_head_signature(data)
    except MalformedError:
        return

    assert encode_tree_head_signature(signature) == data
