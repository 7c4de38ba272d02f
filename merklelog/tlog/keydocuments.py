"""The public keys of a log in the forms in which other software takes them.

One document for each key::

    {"vkey": "example.com/audit+af0cfe78+ATtq…",      c2sp.org/signed-note
     "pem": "-----BEGIN PUBLIC KEY-----\\n…",          RFC 7468, SubjectPublicKeyInfo
     "jwk": {"kty": "OKP", "crv": "Ed25519", "x": …},  RFC 8037, RFC 7518 section 6.2
     "cose_key": "pAEB…"}                              RFC 9052 section 7, base64
"""

from base64 import urlsafe_b64encode
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from proofs.cbor import encode_map
from proofs.errors import MalformedKey
from proofs.keys import Ed25519Verifier, PublicKey
from proofs.text import format_base64

# COSE_Key labels and values: RFC 9053 sections 7.1 and 7.2.
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_OKP, _EC2 = 1, 2
_P256, _ED25519 = 1, 6


class KeyDocument(TypedDict):
    """One public key, four times over."""

    vkey: str
    pem: str
    jwk: dict[str, str]
    cose_key: str


def key_document(verifier: PublicKey) -> KeyDocument:
    """Return the forms of one public key, Ed25519 or on P-256.

    Raises:
        MalformedKey: a key on another curve.
    """
    public_key = load_der_public_key(verifier.spki)
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(verifier, Ed25519Verifier):
        x = verifier.public_key
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": _base64url(x)}
        cose_key = encode_map({_KTY: _OKP, _CRV: _ED25519, _X: x})
    elif isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(
        public_key.curve, ec.SECP256R1
    ):
        point = public_key.public_numbers()
        x, y = point.x.to_bytes(32), point.y.to_bytes(32)
        jwk = {"kty": "EC", "crv": "P-256", "x": _base64url(x), "y": _base64url(y)}
        cose_key = encode_map({_KTY: _EC2, _CRV: _P256, _X: x, _Y: y})
    else:
        raise MalformedKey("not a key that a log of this server has")
    return {
        "vkey": verifier.vkey,
        "pem": pem.decode("ascii"),
        "jwk": jwk,
        "cose_key": format_base64(cose_key),
    }


def _base64url(data: bytes) -> str:
    """Return *data* as JOSE spells it: the URL-safe alphabet, no padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
