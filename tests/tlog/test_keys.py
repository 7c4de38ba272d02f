"""The keys of a log: their files, who may read them, and what they sign."""

import json
import stat
from base64 import b64decode, urlsafe_b64decode  # noqa: TID251 - our own output
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from reference.signing import Ed25519Signer

from merklelog.errors import ConfigError
from merklelog.tlog.keydocuments import key_document
from merklelog.tlog.keyfiles import format_skey, load_vkeys, parse_skey
from merklelog.tlog.keys import LogKeys
from proofs.checkpoint import Checkpoint, open_checkpoint
from proofs.errors import MalformedCheckpoint, MalformedKey, MalformedNote
from proofs.keys import EcdsaVerifier, TreeHeadVerifier, parse_vkey
from proofs.note import sign_note

ORIGIN = "example.com/audit"
NOW_MS = 1_711_642_477_482
CHECKPOINT = Checkpoint(ORIGIN, 41, bytes(range(32)))
GOLANG = json.loads(
    (Path(__file__).parent.parent / "vectors" / "golang-mod" / "note.json").read_text()
)


@pytest.fixture
def keys(tmp_path: Path) -> LogKeys:
    """Return the keys of a new log, whose folder is tmp_path."""
    return LogKeys.generate(tmp_path, ORIGIN)


def p256_pem(curve: ec.EllipticCurve, password: bytes | None = None) -> bytes:
    """Return a new private key in PEM."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key = ec.generate_private_key(curve)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_what_was_generated_is_what_is_loaded(keys: LogKeys, tmp_path: Path) -> None:
    assert LogKeys.load(tmp_path, ORIGIN).vkeys == keys.vkeys


def test_two_logs_have_different_keys(keys: LogKeys, tmp_path: Path) -> None:
    other = LogKeys.generate(tmp_path / "other", ORIGIN)

    assert not set(other.vkeys) & set(keys.vkeys)


def test_the_first_vkey_is_ed25519_and_the_second_the_tree_head_key(
    keys: LogKeys,
) -> None:
    assert [vkey.split("+")[0] for vkey in keys.vkeys] == [ORIGIN, ORIGIN]
    assert keys.vkeys[0].split("+", 2)[2].startswith("A")
    assert isinstance(parse_vkey(keys.vkeys[1]), TreeHeadVerifier)


@pytest.mark.usefixtures("keys")
def test_every_key_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    for name in ("log.skey", "sth.pem", "log.vkey"):
        mode = (tmp_path / "keys" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_the_public_file_has_one_vkey_a_line(keys: LogKeys, tmp_path: Path) -> None:
    assert (tmp_path / "keys" / "log.vkey").read_text().splitlines() == keys.vkeys


def test_the_public_file_is_read_without_the_private_ones(
    keys: LogKeys, tmp_path: Path
) -> None:
    for name in ("log.skey", "sth.pem"):
        (tmp_path / "keys" / name).unlink()

    assert [key.vkey for key in load_vkeys(tmp_path)] == keys.vkeys


def test_a_private_key_has_the_form_of_go() -> None:
    for key in GOLANG["keys"]:
        line = f"{key['skey']}\n".encode()

        private = parse_skey(line, key["name"])

        assert format_skey(key["name"], private) == line


# What is refused


@pytest.mark.parametrize("name", ["log.skey", "sth.pem", "log.vkey"])
def test_a_key_is_never_overwritten(keys: LogKeys, tmp_path: Path, name: str) -> None:
    for other in {"log.skey", "sth.pem", "log.vkey"} - {name}:
        (tmp_path / "keys" / other).unlink()

    with pytest.raises(ConfigError, match=name):
        LogKeys.generate(tmp_path, ORIGIN)

    assert [path.name for path in (tmp_path / "keys").iterdir()] == [name]
    assert keys.origin == ORIGIN


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["log.skey", "sth.pem", "log.vkey"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "keys" / name).unlink()

    with pytest.raises(ConfigError, match=name):
        LogKeys.load(tmp_path, ORIGIN)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["log.skey", "sth.pem"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_key_that_others_may_open_is_refused(
    tmp_path: Path, name: str, mode: int
) -> None:
    (tmp_path / "keys" / name).chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600"):
        LogKeys.load(tmp_path, ORIGIN)


@pytest.mark.usefixtures("keys")
def test_the_keys_of_another_origin_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not of 'example\.com/other'"):
        LogKeys.load(tmp_path, "example.com/other")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["log.skey", "sth.pem", "log.vkey"])
def test_a_file_of_another_key_pair_is_refused(tmp_path: Path, name: str) -> None:
    """Also log.vkey: it is what the operator hands to those who verify."""
    LogKeys.generate(tmp_path / "other", ORIGIN)
    foreign = (tmp_path / "other" / "keys" / name).read_bytes()
    (tmp_path / "keys" / name).write_bytes(foreign)

    with pytest.raises(ConfigError, match="not the public halves"):
        LogKeys.load(tmp_path, ORIGIN)


SKEY = GOLANG["keys"][0]["skey"].encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SKEY,
        SKEY + b"\n\n",
        b" " + SKEY + b"\n",
        SKEY.replace(b"PRIVATE+KEY", b"PUBLIC+KEY") + b"\n",
        SKEY.replace(b"c74f20a3", b"c74f20a4") + b"\n",
        SKEY.replace(b"+AYEK", b"+AoEK") + b"\n",
        SKEY[:-4] + b"\n",
        b"PRIVATE+KEY+PeterNeumann\n",
        b"\xff\n",
    ],
)
def test_what_is_no_private_key_is_refused(tmp_path: Path, data: bytes) -> None:
    LogKeys.generate(tmp_path, "PeterNeumann")
    (tmp_path / "keys" / "log.skey").write_bytes(data)

    with pytest.raises(ConfigError, match=r"log\.skey"):
        LogKeys.load(tmp_path, "PeterNeumann")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "data",
    [b"", b"no PEM", p256_pem(ec.SECP384R1()), p256_pem(ec.SECP256R1(), b"secret")],
    ids=["empty", "no PEM", "P-384", "encrypted"],
)
def test_what_is_no_tree_head_key_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "keys" / "sth.pem").write_bytes(data)

    with pytest.raises(ConfigError, match=r"sth\.pem"):
        LogKeys.load(tmp_path, ORIGIN)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a" * 256])
def test_an_origin_that_cannot_name_a_key_gets_none(
    tmp_path: Path, origin: str
) -> None:
    with pytest.raises(MalformedKey):
        LogKeys.generate(tmp_path, origin)

    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigError, match="file"):
        LogKeys.generate(tmp_path / "file", ORIGIN)


def test_a_folder_in_the_place_of_a_key_is_said(keys: LogKeys, tmp_path: Path) -> None:
    (tmp_path / "keys" / "log.vkey").unlink()
    (tmp_path / "keys" / "log.vkey").mkdir()

    with pytest.raises(ConfigError, match=r"log\.vkey"):
        LogKeys.load(tmp_path, keys.origin)


def test_no_secret_is_in_a_representation(keys: LogKeys, tmp_path: Path) -> None:
    secret = (tmp_path / "keys" / "log.skey").read_text().split("+")[-1].strip()
    shown = repr(keys)

    assert secret not in shown
    assert "PrivateKey" not in shown


# What is signed


def test_both_keys_sign_a_checkpoint(keys: LogKeys) -> None:
    note = keys.sign_checkpoint(CHECKPOINT, timestamp_ms=NOW_MS)

    signed = open_checkpoint(note, keys.verifiers)

    assert signed.checkpoint == CHECKPOINT
    assert signed.timestamp_ms == NOW_MS
    assert [line.key_id for line in signed.note.signatures] == [
        key.key_id for key in keys.verifiers
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_each_signature_verifies_alone(keys: LogKeys, number: int) -> None:
    note = keys.sign_checkpoint(CHECKPOINT, timestamp_ms=NOW_MS)

    open_checkpoint(note, [parse_vkey(keys.vkeys[number])])


def test_the_ed25519_signature_is_that_of_the_specification(tmp_path: Path) -> None:
    keys = LogKeys.generate(tmp_path, ORIGIN)
    skey = (tmp_path / "keys" / "log.skey").read_text().strip()
    reference = Ed25519Signer.from_skey(skey)

    note = keys.sign_checkpoint(CHECKPOINT, timestamp_ms=NOW_MS)

    text = note.split(b"\n\n", maxsplit=1)[0] + b"\n"
    assert note.startswith(sign_note(text, [reference]))


def test_nothing_of_another_origin_is_signed(keys: LogKeys) -> None:
    other = Checkpoint("example.com/other", 41, bytes(32))

    with pytest.raises(MalformedCheckpoint):
        keys.sign_checkpoint(other, timestamp_ms=NOW_MS)


def test_no_extension_line_is_signed(keys: LogKeys) -> None:
    """A tree head signature would not cover it."""
    extended = Checkpoint(ORIGIN, 41, bytes(32), ("extension",))

    with pytest.raises(MalformedCheckpoint):
        keys.sign_checkpoint(extended, timestamp_ms=NOW_MS)


def test_the_tree_head_signature_is_read_back_for_get_sth(keys: LogKeys) -> None:
    note = keys.sign_checkpoint(CHECKPOINT, timestamp_ms=NOW_MS)

    signature = keys.tree_head_signature(note)

    assert signature.timestamp_ms == NOW_MS
    message = b"\x00\x01" + NOW_MS.to_bytes(8) + (41).to_bytes(8) + bytes(range(32))
    tree_head_key = keys.verifiers[1]
    EcdsaVerifier(ORIGIN, tree_head_key.spki).verify(message, signature.ecdsa)
    assert signature.digitally_signed[:2] == b"\x04\x03"


def test_a_note_of_another_log_has_no_tree_head_signature(
    keys: LogKeys, tmp_path: Path
) -> None:
    other = LogKeys.generate(tmp_path / "other", ORIGIN)
    note = other.sign_checkpoint(CHECKPOINT, timestamp_ms=NOW_MS)

    with pytest.raises(MalformedNote):
        keys.tree_head_signature(note)


# The forms in which others take the keys


def test_each_document_describes_one_key(keys: LogKeys) -> None:
    documents = [key_document(key) for key in keys.verifiers]

    assert [document["vkey"] for document in documents] == keys.vkeys


def test_the_pem_of_a_document_is_the_key(keys: LogKeys) -> None:
    for key in keys.verifiers:
        loaded = load_pem_public_key(key_document(key)["pem"].encode())

        encoded = loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert encoded == key.spki


def test_jwk_and_cose_key_hold_the_same_numbers(keys: LogKeys) -> None:
    for key, members in zip(keys.verifiers, ["x", "xy"], strict=True):
        document = key_document(key)
        cose_key = cbor2.loads(b64decode(document["cose_key"]))
        numbers = [urlsafe_b64decode(document["jwk"][m] + "=") for m in members]

        assert [cose_key[-2 - place] for place in range(len(members))] == numbers
        assert key.spki.endswith(b"".join(numbers))


def test_the_kinds_of_keys_are_named_as_registered(keys: LogKeys) -> None:
    ed25519, p256 = (key_document(key) for key in keys.verifiers)

    assert (ed25519["jwk"]["kty"], ed25519["jwk"]["crv"]) == ("OKP", "Ed25519")
    assert (p256["jwk"]["kty"], p256["jwk"]["crv"]) == ("EC", "P-256")
    assert b64decode(ed25519["cose_key"])[:5] == bytes.fromhex("a3 0101 2006")
    assert b64decode(p256["cose_key"])[:5] == bytes.fromhex("a4 0102 2001")


def test_a_key_on_another_curve_has_no_document() -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(MalformedKey):
        key_document(EcdsaVerifier(ORIGIN, spki))
