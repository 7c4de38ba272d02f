"""The key files of a log: what they contain, and who may read them.

::

    DIR/NAME/keys/
      log.skey   Ed25519: PRIVATE+KEY+<origin>+<key id>+<base64 of 0x01, seed>
      sth.pem    ECDSA P-256, PKCS#8
      log.vkey   the public halves, one vkey a line, Ed25519 first

Whoever reads a private file can sign another history in this log's name; only
witnesses and what clients kept would tell. So the files are created readable by their
owner alone, and are refused when they no longer are. They are never overwritten.
``log.vkey`` is public, but it is what an operator hands to his users: opening a log
compares it with the private keys.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from merklelog import durable
from merklelog.errors import ConfigError
from proofs.errors import MalformedError, MalformedKey
from proofs.keys import ED25519, Ed25519Verifier, PublicKey, parse_vkey
from proofs.note import KEY_ID_SIZE
from proofs.text import format_base64, parse_base64, parse_hex, split_lines

T = TypeVar("T")

SKEY = "log.skey"
STH = "sth.pem"
VKEY = "log.vkey"

_SKEY_PREFIX = "PRIVATE+KEY+"
_SEED_SIZE = 32

_OWNER_ONLY = 0o600
_GROUP_AND_OTHERS = 0o077


def load_vkeys(folder: Path) -> list[PublicKey]:
    """Return the public keys of the log in *folder*. Reads nothing private.

    Raises:
        ConfigError: log.vkey is absent or malformed.
    """
    return read_key_file(folder / "keys" / VKEY, parse_vkeys)


def format_vkeys(keys: Iterable[PublicKey]) -> bytes:
    """Return the content of log.vkey."""
    return "".join(f"{key.vkey}\n" for key in keys).encode("utf-8")


def parse_vkeys(data: bytes) -> list[PublicKey]:
    """Return the keys in log.vkey.

    Raises:
        MalformedError: not one vkey a line.
    """
    return [parse_vkey(line) for line in split_lines(data)]


def format_skey(name: str, key: ed25519.Ed25519PrivateKey) -> bytes:
    """Return the content of log.skey, in the form of Go's sumdb/note package."""
    key_id = Ed25519Verifier(name, key.public_key().public_bytes_raw()).key_id
    secret = format_base64(bytes([ED25519]) + key.private_bytes_raw())
    return f"{_SKEY_PREFIX}{name}+{key_id.hex()}+{secret}\n".encode()


def parse_skey(data: bytes, name: str) -> ed25519.Ed25519PrivateKey:
    """Return the key in log.skey.

    Raises:
        MalformedError: not what `format_skey` writes for a key called *name*.
    """
    lines = split_lines(data)
    fields = lines[0].removeprefix(_SKEY_PREFIX).split("+", 2)
    if len(lines) != 1 or not lines[0].startswith(_SKEY_PREFIX) or len(fields) != 3:
        raise MalformedKey("not one line PRIVATE+KEY+ORIGIN+KEYID+KEY")
    if fields[0] != name:
        raise MalformedKey(f"a key of {fields[0]!r}, not of {name!r}")
    secret = parse_base64(fields[2], length=1 + _SEED_SIZE)
    if secret[0] != ED25519:
        raise MalformedKey("not an Ed25519 key")
    key = ed25519.Ed25519PrivateKey.from_private_bytes(secret[1:])
    stated_id = parse_hex(fields[1], length=KEY_ID_SIZE)
    if stated_id != Ed25519Verifier(name, key.public_key().public_bytes_raw()).key_id:
        raise MalformedKey("the key id is not that of the key")
    return key


def format_sth_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the content of sth.pem."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def parse_sth_key(data: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key in sth.pem.

    Raises:
        MalformedKey: not a private key on P-256, unencrypted.
    """
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedKey("not an unencrypted private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise MalformedKey("not a key on P-256")
    return key


def read_key_file(
    path: Path, parse: Callable[[bytes], T], *, private: bool = False
) -> T:
    """Return what *parse* makes of a key file.

    Raises:
        ConfigError: absent, unreadable, malformed; or *private* and readable by others
            than its owner.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and mode & _GROUP_AND_OTHERS:
                raise ConfigError(
                    [f"{path}: a private key that others may read; chmod 600 it"]
                )
            return parse(file.read())
    except FileNotFoundError as error:
        raise ConfigError([f"{path}: there is no such key file"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except MalformedError as error:
        raise ConfigError([f"{path}: {error}"]) from error


def write_key_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write new files, by name, to *folder*; durable when it returns.

    Raises:
        ConfigError: one of them is there already, or cannot be written.
    """
    present = [folder / name for name in contents if (folder / name).exists()]
    if present:
        raise ConfigError([f"{path}: a key is never overwritten" for path in present])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            # Never readable by others, for any instant.
            durable.write_new(folder / name, content, mode=_OWNER_ONLY)
        durable.sync(folder.parent)
    except OSError as error:
        raise ConfigError([f"{folder}: {error.strerror}"]) from error
