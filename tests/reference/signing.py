"""Keys that sign what the tests verify, written from the specifications.

They share no code with merklelog's own signing, so that a mistake has to be made
twice to go unnoticed. The keys come from names and are as secret as those.
"""

from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def vkey_text(name: str, key_id: bytes, key: bytes) -> str:
    """c2sp.org/signed-note: name, key id in hex, base64 of type byte and key."""
    return f"{name}+{key_id.hex()}+{b64encode(key).decode()}"


@dataclass
class Ed25519Signer:
    """Type 0x01."""

    name: str
    seed: bytes

    @classmethod
    def called(cls, name: str, *, number: int = 0) -> "Ed25519Signer":
        return cls(name, sha256(f"{name} {number}".encode()).digest())

    @classmethod
    def from_skey(cls, skey: str) -> "Ed25519Signer":
        """PRIVATE+KEY+name+id+base64, as the vectors have them."""
        _, _, name, _, secret = skey.split("+", 4)
        return cls(name, a2b_base64(secret)[1:])

    @property
    def _key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n\x01" + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, self.key_id, b"\x01" + self.public_key)

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text)


@dataclass
class EcdsaSigner:
    """Type 0x02, on any curve."""

    name: str
    curve: ec.EllipticCurve

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        scalar = int.from_bytes(sha256(self.name.encode()).digest()) >> 8
        return ec.derive_private_key(scalar, self.curve)

    @property
    def spki(self) -> bytes:
        return self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def key_id(self) -> bytes:
        return sha256(self.spki).digest()[:4]

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, self.key_id, b"\x02" + self.spki)

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text, ec.ECDSA(SHA256()))


@dataclass
class TreeHeadSigner:
    """Type 0x05: RFC 6962 section 3.5, at one time."""

    name: str
    timestamp_ms: int
    size: int
    root_hash: bytes

    @property
    def _ecdsa(self) -> EcdsaSigner:
        return EcdsaSigner(self.name, ec.SECP256R1())

    @property
    def key_id(self) -> bytes:
        log_id = sha256(self._ecdsa.spki).digest()
        return sha256(self.name.encode() + b"\n\x05" + log_id).digest()[:4]

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, self.key_id, b"\x05" + self._ecdsa.spki)

    def sign(self, text: bytes) -> bytes:
        """The text is not what is signed: size and root are given at the start."""
        del text
        time, size = self.timestamp_ms.to_bytes(8), self.size.to_bytes(8)
        signature = self._ecdsa.sign(b"\x00\x01" + time + size + self.root_hash)
        return time + b"\x04\x03" + len(signature).to_bytes(2) + signature
