"""Verifier keys ("vkeys") according to c2sp.org/signed-note.

::

    PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
    name        +key id  +base64 of a type byte and the public key

The type byte says what a signature is:

- 0x01: Ed25519 over the note's text; the key is 32 bytes.
- 0x02: ECDSA over the text, SHA-256, ASN.1 DER; the key is a SubjectPublicKeyInfo.
  Only for reading the notes of older logs.
- 0x05: the TreeHeadSignature of RFC 6962 section 3.5, ECDSA P-256, in a note
  (c2sp.org/static-ct-api). It signs size, root and a time instead of the text.

The only module of this library that uses `cryptography`. It verifies; the private
halves are kept by whoever signs.
"""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature as _BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from .errors import InvalidSignature, MalformedError, MalformedKey
from .note import KEY_ID_SIZE, check_key_name
from .text import format_base64, parse_base64, parse_hex
from .treehead import decode_tree_head_signature, tree_head_message, tree_head_of

ED25519 = 0x01
ECDSA = 0x02
TREE_HEAD = 0x05

# Types that are specified and not spoken here, for a message that helps.
_OTHER_TYPES = {
    0x04: "an Ed25519 cosignature key: it belongs in a witness policy",
    0x06: "an ML-DSA-44 cosignature key: it belongs in a witness policy",
}

# Bounds the text before it is decoded. An ML-DSA-44 vkey, the longest there is, has
# some 1,800 characters beside its name.
_MAX_VKEY_LENGTH = 4096

_ECDSA_SHA256 = ec.ECDSA(SHA256())
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

# Edwards25519, RFC 8032 section 5.1: the field, and the y of its 8 points of low
# order: of order 4, 1, 2, and twice 8.
_FIELD = (1 << 255) - 19
_LOW_ORDER_Y = {
    0,
    1,
    _FIELD - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
}


def key_id(name: str, type_byte: int, key: bytes) -> bytes:
    """Return SHA-256(name || LF || type byte || key)[:4] (c2sp.org/signed-note)."""
    preimage = name.encode("utf-8") + b"\n" + bytes([type_byte]) + key
    return sha256(preimage).digest()[:KEY_ID_SIZE]


class Ed25519Verifier:
    """A key of type 0x01: Ed25519 (RFC 8032) over the note's text. Immutable."""

    __slots__ = ("_key", "key_id", "name", "public_key")

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take the 32 bytes of an Ed25519 public key.

        Raises:
            MalformedKey: another length, not canonical, of low order, or a bad name.
        """
        _check_name(name)
        _check_ed25519(public_key)
        self.name = name
        self.public_key = public_key
        self.key_id = key_id(name, ED25519, public_key)
        self._key = ed25519.Ed25519PublicKey.from_public_bytes(public_key)

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return _format_vkey(self.name, self.key_id, ED25519, self.public_key)

    @property
    def spki(self) -> bytes:
        """The public key as DER SubjectPublicKeyInfo (RFC 8410)."""
        return self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if *signature* is this key's over the note *text*.

        Raises:
            InvalidSignature: for any other bytes.
        """
        try:
            self._key.verify(signature, text)
        except _BadSignature as error:
            raise InvalidSignature(name=self.name, key_id=self.key_id) from error


class EcdsaVerifier:
    """A key of type 0x02: ECDSA with SHA-256 over the note's text. Immutable.

    The hash is SHA-256 whatever the curve, as in the logs that sign so.
    """

    __slots__ = ("_key", "key_id", "name", "spki")

    def __init__(self, name: str, spki: bytes) -> None:
        """Take a DER SubjectPublicKeyInfo of a key on P-256, P-384 or P-521.

        Raises:
            MalformedKey: anything else, or a bad name.
        """
        _check_name(name)
        self._key = _load_ecdsa(spki, _CURVES)
        self.name = name
        self.spki = spki
        # Older than the common rule for key ids: it covers the key alone.
        self.key_id = sha256(spki).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return _format_vkey(self.name, self.key_id, ECDSA, self.spki)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if *signature* is this key's over the note *text*.

        Raises:
            InvalidSignature: for any other bytes.
        """
        try:
            self._key.verify(signature, text, _ECDSA_SHA256)
        except _BadSignature as error:
            raise InvalidSignature(name=self.name, key_id=self.key_id) from error


class TreeHeadVerifier:
    """A key of type 0x05: RFC 6962 tree head signatures, ECDSA P-256. Immutable.

    Such a signature does not cover the origin, so it is only believed about the log
    that has the name of the key.
    """

    __slots__ = ("_key", "key_id", "name", "spki")

    def __init__(self, name: str, spki: bytes) -> None:
        """Take a DER SubjectPublicKeyInfo of a key on P-256.

        Raises:
            MalformedKey: anything else, or a bad name.
        """
        _check_name(name)
        self._key = _load_ecdsa(spki, _CURVES[:1])
        self.name = name
        self.spki = spki
        # The key id covers the log id of RFC 6962, the vkey carries the key itself.
        self.key_id = key_id(name, TREE_HEAD, self.log_id)

    @property
    def log_id(self) -> bytes:
        """The log's id in RFC 6962: SHA-256 of its key, 32 bytes."""
        return sha256(self.spki).digest()

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return _format_vkey(self.name, self.key_id, TREE_HEAD, self.spki)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Return if *signature* is this key's over the checkpoint that *text* spells.

        Raises:
            InvalidSignature: for any other bytes, a text that is no checkpoint of
                this key's log, or one with extension lines, which it cannot cover.
        """
        try:
            head = decode_tree_head_signature(signature)
            checkpoint = tree_head_of(text, origin=self.name)
            message = tree_head_message(checkpoint, timestamp_ms=head.timestamp_ms)
            self._key.verify(head.ecdsa, message, _ECDSA_SHA256)
        except (MalformedError, _BadSignature) as error:
            raise InvalidSignature(name=self.name, key_id=self.key_id) from error

    def timestamp_of(self, signature: bytes) -> int:
        """Return the time in a verified *signature*, in ms since 1970.

        Raises:
            MalformedError: not a tree head signature.
        """
        return decode_tree_head_signature(signature).timestamp_ms


PublicKey = Ed25519Verifier | EcdsaVerifier | TreeHeadVerifier
"""Any key that signs for a log."""

_VERIFIERS: dict[int, type[PublicKey]] = {
    ED25519: Ed25519Verifier,
    ECDSA: EcdsaVerifier,
    TREE_HEAD: TreeHeadVerifier,
}


def parse_vkey(text: str) -> PublicKey:
    """Return the verifier that a vkey describes.

    Raises:
        MalformedKey: not a vkey, a key id that is not the key's, a type that is not
            0x01, 0x02 or 0x05, or a key that no honest signer would have.
    """
    if len(text) > _MAX_VKEY_LENGTH:
        raise MalformedKey(f"a vkey has at most {_MAX_VKEY_LENGTH} characters")
    # Base64 may contain a plus sign, a name may not: the first two divide.
    fields = text.split("+", 2)
    if len(fields) != 3:
        raise MalformedKey(f"not a vkey (NAME+KEYID+KEY): {text[:64]!r}")
    name, stated_id, encoded = fields
    try:
        stated = parse_hex(stated_id, length=KEY_ID_SIZE)
        data = parse_base64(encoded)
    except MalformedError as error:
        raise MalformedKey(f"not a vkey: {error}") from error
    verifier = _verifier_of_type(name, data)
    if verifier.key_id != stated:
        raise MalformedKey(
            f"the vkey of {name} states key id {stated_id}, "
            f"its key has {verifier.key_id.hex()}"
        )
    return verifier


def _verifier_of_type(name: str, data: bytes) -> PublicKey:
    """Return the verifier for *data*, a type byte and a public key."""
    if not data:
        raise MalformedKey(f"the vkey of {name[:64]!r} is empty")
    verifier = _VERIFIERS.get(data[0])
    if verifier is None:
        reason = _OTHER_TYPES.get(data[0], "unknown")
        raise MalformedKey(
            f"the vkey of {name[:64]!r} has type 0x{data[0]:02x}: {reason}"
        )
    return verifier(name, data[1:])


def _format_vkey(name: str, identifier: bytes, type_byte: int, key: bytes) -> str:
    """Return the text of a verifier key."""
    return f"{name}+{identifier.hex()}+{format_base64(bytes([type_byte]) + key)}"


def _check_name(name: str) -> None:
    """Raise MalformedKey if no key can have this *name*."""
    try:
        check_key_name(name)
    except MalformedError as error:
        raise MalformedKey(str(error)) from error


def _check_ed25519(public_key: bytes) -> None:
    """Raise MalformedKey if *public_key* is not one that an honest signer has.

    `cryptography` takes any 32 bytes. With a point of low order, one signature
    verifies for many texts; with a second encoding of a point, one key has two ids.
    """
    if len(public_key) != 32:
        raise MalformedKey(f"an Ed25519 key has 32 bytes: {len(public_key)}")
    # The top bit is the sign of x, the rest is y, little-endian.
    y = int.from_bytes(public_key, "little") & ((1 << 255) - 1)
    if y >= _FIELD:
        raise MalformedKey("an Ed25519 key in an encoding that is not canonical")
    if y in _LOW_ORDER_Y:
        raise MalformedKey("an Ed25519 key of low order, which anyone can sign for")


def _load_ecdsa(
    spki: bytes, curves: tuple[type[ec.EllipticCurve], ...]
) -> ec.EllipticCurvePublicKey:
    """Return the key in a DER SubjectPublicKeyInfo, if it is on one of *curves*."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not a public key in DER") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise MalformedKey("not an elliptic curve key")
    if not isinstance(key.curve, curves):
        raise MalformedKey(f"a key on {key.curve.name}, which is not used here")
    # A key has one encoding here, so it has one key id.
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        raise MalformedKey("a public key in an encoding that is not canonical")
    return key
