"""The private keys of a log: what signs its checkpoints.

Two keys sign each: Ed25519 over the note (0x01), which is what C2SP clients and
witnesses want, and ECDSA P-256 over the tree head (0x05), which is what RFC 6962
clients get from ``get-sth``. One note carries both lines::

    example.com/audit
    41
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/audit <base64 of key id, Ed25519 signature>
    — example.com/audit <base64 of key id, time, ECDSA signature>
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from merklelog.errors import ConfigError
from proofs.checkpoint import Checkpoint, format_checkpoint
from proofs.errors import MalformedNote
from proofs.keys import Ed25519Verifier, PublicKey, TreeHeadVerifier
from proofs.note import Note, NoteSignature, format_note, parse_note
from proofs.treehead import (
    TreeHeadSignature,
    decode_tree_head_signature,
    encode_tree_head_signature,
    require_tree_head,
    tree_head_message,
)

from .keyfiles import (
    SKEY,
    STH,
    VKEY,
    format_skey,
    format_sth_key,
    format_vkeys,
    load_vkeys,
    parse_skey,
    parse_sth_key,
    read_key_file,
    write_key_files,
)

_ECDSA_SHA256 = ec.ECDSA(SHA256())


class LogKeys:
    """The keys with which one log signs. Immutable, so any thread may use them."""

    __slots__ = (
        "_checkpoint_key",
        "_checkpoint_verifier",
        "_tree_head_key",
        "_tree_head_verifier",
    )

    def __init__(
        self,
        origin: str,
        checkpoint_key: ed25519.Ed25519PrivateKey,
        tree_head_key: ec.EllipticCurvePrivateKey,
    ) -> None:
        """Take the two private keys of the log called *origin*.

        Raises:
            MalformedKey: *origin* cannot be the name of a key, or *tree_head_key* is
                not on P-256.
        """
        spki = tree_head_key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self._checkpoint_key = checkpoint_key
        self._checkpoint_verifier = Ed25519Verifier(
            origin, checkpoint_key.public_key().public_bytes_raw()
        )
        self._tree_head_key = tree_head_key
        self._tree_head_verifier = TreeHeadVerifier(origin, spki)

    @classmethod
    def generate(cls, folder: Path, origin: str) -> "LogKeys":
        """Make the keys of a new log and write them to *folder*/keys, durably.

        Raises:
            ConfigError: there are keys already, or they cannot be written.
            MalformedKey: *origin* cannot be the name of a key.
        """
        checkpoint_key = ed25519.Ed25519PrivateKey.generate()
        tree_head_key = ec.generate_private_key(ec.SECP256R1())
        keys = cls(origin, checkpoint_key, tree_head_key)
        contents = {
            SKEY: format_skey(origin, checkpoint_key),
            STH: format_sth_key(tree_head_key),
            VKEY: format_vkeys(keys.verifiers),
        }
        write_key_files(folder / "keys", contents)
        return keys

    @classmethod
    def load(cls, folder: Path, origin: str) -> "LogKeys":
        """Read the keys of the log called *origin* from *folder*/keys.

        Raises:
            ConfigError: a file is absent, malformed, readable by others, of another
                origin, or not of the same keys as the others.
        """
        skey, sth = folder / "keys" / SKEY, folder / "keys" / STH
        keys = cls(
            origin,
            read_key_file(skey, lambda data: parse_skey(data, origin), private=True),
            read_key_file(sth, parse_sth_key, private=True),
        )
        if [key.vkey for key in load_vkeys(folder)] != keys.vkeys:
            vkey = folder / "keys" / VKEY
            raise ConfigError([f"{vkey}: not the public halves of {SKEY} and {STH}"])
        return keys

    @property
    def origin(self) -> str:
        """The log's name, which is the name of both keys."""
        return self._checkpoint_verifier.name

    @property
    def verifiers(self) -> tuple[PublicKey, ...]:
        """The public halves: Ed25519 first, then the tree head key."""
        return self._checkpoint_verifier, self._tree_head_verifier

    @property
    def vkeys(self) -> list[str]:
        """The public halves as text, in the order of `verifiers`."""
        return [key.vkey for key in self.verifiers]

    def sign_checkpoint(self, checkpoint: Checkpoint, *, timestamp_ms: int) -> bytes:
        """Return *checkpoint* as a note that both keys signed. Runs in each commit.

        The time is an argument because the tree head signature covers it, in ms.

        Raises:
            MalformedCheckpoint: it is not one, or not one of this log.
        """
        text = format_checkpoint(checkpoint)
        require_tree_head(checkpoint, origin=self.origin)
        message = tree_head_message(checkpoint, timestamp_ms=timestamp_ms)
        ecdsa = self._tree_head_key.sign(message, _ECDSA_SHA256)
        tree_head = TreeHeadSignature(timestamp_ms, ecdsa)
        signatures = (
            self._checkpoint_key.sign(text),
            encode_tree_head_signature(tree_head),
        )
        lines = [
            NoteSignature(key.name, key.key_id, signature)
            for key, signature in zip(self.verifiers, signatures, strict=True)
        ]
        return format_note(Note(text, tuple(lines)))

    def tree_head_signature(self, note: bytes) -> TreeHeadSignature:
        """Return the tree head signature in one of this log's own notes, unverified.

        Its ``digitally_signed`` is what get-sth answers (RFC 6962 section 4.3).

        Raises:
            MalformedNote: not a note that this log's tree head key signed.
        """
        verifier = self._tree_head_verifier
        for line in parse_note(note).signatures:
            if (line.name, line.key_id) == (verifier.name, verifier.key_id):
                return decode_tree_head_signature(line.signature)
        raise MalformedNote("there is no tree head signature of this log")
