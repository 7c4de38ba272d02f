"""Verifier keys: what is read, what is refused, and what they verify."""

import json
from binascii import a2b_base64
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature as RawInvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from reference.signing import EcdsaSigner, Ed25519Signer, vkey_text

from proofs.errors import InvalidSignature, MalformedKey
from proofs.keys import (
    EcdsaVerifier,
    Ed25519Verifier,
    TreeHeadVerifier,
    parse_vkey,
)
from proofs.note import open_note

VECTORS = Path(__file__).parent.parent / "vectors"
GOLANG = json.loads((VECTORS / "golang-mod" / "note.json").read_text())
FORMATS = json.loads((VECTORS / "formats" / "notes_and_keys.json").read_text())
OTHER_TYPES = json.loads((VECTORS / "formats" / "cosignatures.json").read_text())
ECDSA = json.loads((VECTORS / "formats" / "rfc6962_and_ecdsa_notes.json").read_text())[
    "ecdsa_0x02"
]
CCTV = json.loads((VECTORS / "cctv" / "ed25519" / "ed25519vectors.json").read_text())

PETER: str = GOLANG["keys"][0]["vkey"]
P256 = EcdsaSigner("ecdsa", ec.SECP256R1())


@pytest.mark.parametrize(
    "key", [*GOLANG["keys"], *FORMATS["keys"].values()], ids=lambda key: key["vkey"]
)
def test_the_public_half_of_each_private_key_is_its_vkey(key: dict[str, str]) -> None:
    signer = Ed25519Signer.from_skey(key["skey"])

    verifier = Ed25519Verifier(signer.name, signer.public_key)

    assert verifier.vkey == key["vkey"]


def test_a_vkey_reads_back() -> None:
    assert parse_vkey(PETER).vkey == PETER


@pytest.mark.parametrize("offset", range(len(PETER)))
def test_every_changed_byte_of_a_vkey_is_refused(offset: int) -> None:
    """As TestNewVerifier of golang.org/x/mod/sumdb/note."""
    changed = PETER[:offset] + chr(ord(PETER[offset]) + 1) + PETER[offset + 1 :]

    with pytest.raises(MalformedKey):
        parse_vkey(changed)


def test_every_proper_part_of_a_vkey_is_refused() -> None:
    for start in range(len(PETER)):
        for end in range(start, len(PETER)):
            if end - start < len(PETER):
                with pytest.raises(MalformedKey):
                    parse_vkey(PETER[start:end])


def test_a_name_beyond_ascii_is_read() -> None:
    signer = Ed25519Signer.called("example.com/\u00e9l\u00e8ve")

    assert parse_vkey(signer.vkey).name == signer.name


REFUSED = {
    "an empty string": "",
    "no key": "PeterNeumann+c74f20a3+",
    "upper case key id": PETER.replace("c74f20a3", "C74F20A3"),
    "short key id": PETER.replace("c74f20a3", "c74f20a"),
    "a space in the name": Ed25519Signer.called("Peter Neumann").vkey,
    "an empty name": Ed25519Signer.called("").vkey,
    "a name of 256 bytes": Ed25519Signer.called("a" * 256).vkey,
    "a control character in the name": Ed25519Signer.called("Peter\n").vkey,
    "a newline at the end": PETER + "\n",
    "a space at the beginning": " " + PETER,
    "a surrogate in the name": PETER.replace("Peter", "\ud800"),
    "very long": "a" * 10_000,
    **{bad["vkey"]: bad["vkey"] for bad in GOLANG["bad_vkeys"] if "vkey" in bad},
    **{vkey: vkey for vkey in OTHER_TYPES["vkeys_bad"]},
}


@pytest.mark.parametrize("vkey", REFUSED.values(), ids=REFUSED)
def test_what_is_no_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedKey):
        parse_vkey(vkey)


@pytest.mark.parametrize(
    ("vkey", "name_of_type"),
    [
        (OTHER_TYPES["vkeys_ok"][1], "0x04: an Ed25519 cosignature key"),
        (
            OTHER_TYPES["vkey_upstream_accepts_but_key_id_wrong"]["vkey"],
            "0x06: an ML-DSA-44 cosignature key",
        ),
        (vkey_text("log", bytes(4), b"\x65" + bytes(32)), "0x65: unknown"),
    ],
)
def test_a_key_of_another_type_is_refused_by_the_name_of_its_type(
    vkey: str, name_of_type: str
) -> None:
    with pytest.raises(MalformedKey, match=name_of_type):
        parse_vkey(vkey)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_ed25519_key_has_32_bytes(length: int) -> None:
    with pytest.raises(MalformedKey):
        Ed25519Verifier("log", b"\x02" * length)


@pytest.mark.parametrize("case", ECDSA, ids=lambda case: case["note"].split("\n")[0])
def test_the_ecdsa_notes_of_older_logs_verify(case: dict[str, Any]) -> None:
    name = case["note"].split("\n\n\u2014 ")[1].split(" ")[0]
    verifier = EcdsaVerifier(name, a2b_base64(case["spki_b64"]))

    note = open_note(case["note"].encode(), [parse_vkey(verifier.vkey)])

    assert note.signatures[0].key_id == verifier.key_id


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_ecdsa_signs_the_sha256_of_the_text_on_every_curve(
    curve: ec.EllipticCurve,
) -> None:
    signer = EcdsaSigner("log", curve)

    parse_vkey(signer.vkey).verify(b"text\n", signer.sign(b"text\n"))


def test_every_changed_byte_of_an_ecdsa_signature_is_refused() -> None:
    verifier, signature = parse_vkey(P256.vkey), P256.sign(b"text\n")
    for offset in range(len(signature)):
        changed = bytearray(signature)
        changed[offset] ^= 1

        with pytest.raises(InvalidSignature):
            verifier.verify(b"text\n", bytes(changed))


def test_an_ecdsa_signature_with_a_byte_more_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        parse_vkey(P256.vkey).verify(b"text\n", P256.sign(b"text\n") + b"\x00")


def test_an_ecdsa_key_in_another_encoding_is_refused() -> None:
    """A compressed point is the same key under another key id."""
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    compressed = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")

    with pytest.raises(MalformedKey, match="canonical"):
        EcdsaVerifier("log", header + compressed)


def test_a_key_of_another_kind_is_refused() -> None:
    rsa = generate_private_key(65537, 2048).public_key()
    spki = rsa.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(MalformedKey, match="elliptic"):
        EcdsaVerifier("log", spki)


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(MalformedKey, match="secp256k1"):
        EcdsaVerifier("log", EcdsaSigner("log", ec.SECP256K1()).spki)


def test_tree_heads_are_signed_on_p256_only() -> None:
    with pytest.raises(MalformedKey, match="secp384r1"):
        TreeHeadVerifier("log", EcdsaSigner("log", ec.SECP384R1()).spki)


def accepted_by_cryptography(case: dict[str, Any]) -> bool:
    """Tell whether the bare library takes key and signature of a CCTV case."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["key"]))
    try:
        key.verify(bytes.fromhex(case["sig"]), case["msg"].encode())
    except RawInvalidSignature:
        return False
    return True


def accepted_here(case: dict[str, Any]) -> bool:
    """Tell whether a vkey would be made of the key, and verifies the signature."""
    try:
        verifier = Ed25519Verifier("log", bytes.fromhex(case["key"]))
        verifier.verify(case["msg"].encode(), bytes.fromhex(case["sig"]))
    except (MalformedKey, InvalidSignature):
        return False
    return True


def test_the_edge_cases_that_cryptography_accepts_are_known() -> None:
    """Should another release decide otherwise, this is where it is noticed."""
    accepted = [case for case in CCTV if accepted_by_cryptography(case)]
    flags = Counter(flag for case in accepted for flag in case["flags"] or ())

    assert (len(CCTV), len(accepted)) == (914, 208)
    assert flags["low_order_A"] == 122
    assert flags["non_canonical_A"] == 36
    assert flags["non_canonical_R"] == 0
    assert flags["low_order_residue"] == 0


def test_no_key_of_low_order_or_in_a_second_encoding_is_taken() -> None:
    suspect = {"low_order_A", "non_canonical_A"}
    keys = {case["key"] for case in CCTV if suspect & set(case["flags"] or ())}
    for key in keys:
        with pytest.raises(MalformedKey):
            Ed25519Verifier("log", bytes.fromhex(key))

    assert len(keys) == 14


def test_keys_of_full_order_are_taken_as_before() -> None:
    suspect = {"low_order_A", "non_canonical_A"}
    for case in CCTV:
        if not suspect & set(case["flags"] or ()):
            assert accepted_here(case) == accepted_by_cryptography(case)


def test_the_largest_y_that_is_canonical_is_below_the_field() -> None:
    y = (1 << 255) - 19

    Ed25519Verifier("log", (y - 2).to_bytes(32, "little"))
    with pytest.raises(MalformedKey, match="canonical"):
        Ed25519Verifier("log", (y + 1).to_bytes(32, "little"))


@given(st.text() | st.text().map(lambda text: f"log+00000000+{text}"))
def test_any_text_is_a_vkey_or_malformed(text: str) -> None:
    try:
        key = parse_vkey(text)
    except MalformedKey:
        return

    assert key.vkey == text


@given(
    st.integers(0, 255),
    st.binary(max_size=120) | st.just(P256.spki),
)
def test_any_key_bytes_are_a_key_or_malformed(type_byte: int, key: bytes) -> None:
    text = vkey_text("log", bytes(4), bytes([type_byte]) + key)
    try:
        assert parse_vkey(text).vkey == text
    except MalformedKey:
        return
