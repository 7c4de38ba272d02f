"""A client written by someone who has the documents and none of this code.

From the description of the HTTP interface, RFC 6962, RFC 9162 and the C2SP formats;
with the standard library, cryptography for the signatures, and no import of ours.
"""

import http.client
import json
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is what it turns out to be
        return json.loads(self.body)


class Site:
    """A log at a URL, over one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path
        self._server = parts.netloc
        self._connection = http.client.HTTPConnection(self._server, timeout=60)

    def close(self) -> None:
        self._connection.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Send one request; headers are given as accept_encoding="gzip"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, f"{self._prefix}/{path}", body, named)
        response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path: str, **headers: str) -> Answer:
        """Get *path*, which has to be there."""
        answer = self.request("GET", path, None, **headers)
        assert answer.status == 200, answer
        return answer

    def submit(
        self,
        body: bytes,
        kind: str = "application/octet-stream",
        query: str = "",
        **headers: str,
    ) -> Answer:
        """Submit one entry, or a batch."""
        path = f"entries{query}"
        return self.request("POST", path, body, content_type=kind, **headers)

    def tail(self, query: str, *, count: int, **headers: str) -> list[dict[str, str]]:
        """Return the first events of a stream of Server-Sent Events."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self._server, timeout=60)
        connection.request("GET", f"{self._prefix}/tail{query}", headers=named)
        events: list[dict[str, str]] = []
        with connection.getresponse() as response:
            assert response.headers.get_content_type() == "text/event-stream"
            fields: dict[str, str] = {}
            while len(events) < count:
                name, _, value = response.readline().decode().partition(":")
                if value:
                    fields[name] = value.strip()
                elif "data" in fields:
                    events.append(fields)
                    fields = {}
        connection.close()
        return events

    def append(self, entries: Sequence[bytes]) -> None:
        """Append *entries* in one commit; return when the checkpoint covers them."""
        before = json.loads(self.get("ct/v1/get-sth").body)["tree_size"]
        answer = self.submit(cbor_sequence(entries), "application/cbor-seq")
        assert answer.status == 201, answer
        self.wait_for_checkpoint(before + len(entries))

    def wait_for_checkpoint(self, size: int) -> bytes:
        """Return the published checkpoint once it has at least *size* entries."""
        deadline = time.monotonic() + 30
        while True:
            note = self.get("checkpoint").body
            if int(note.split(b"\n")[1]) >= size:
                return note
            assert time.monotonic() < deadline
            time.sleep(0.02)


def unbase64(text: str) -> bytes:
    """RFC 4648 section 4."""
    return a2b_base64(text, strict_mode=True)


def base64(data: bytes) -> str:
    """RFC 4648 section 4."""
    return b2a_base64(data, newline=False).decode()


def cbor_sequence(entries: Sequence[bytes]) -> bytes:
    """RFC 8742, of byte strings (RFC 8949 section 3.1) of less than 2^16 bytes."""
    parts = []
    for entry in entries:
        if len(entry) < 24:
            parts.append(bytes([0x40 + len(entry)]))
        elif len(entry) < 256:
            parts.append(bytes([0x58, len(entry)]))
        else:
            parts.append(b"\x59" + len(entry).to_bytes(2))
        parts.append(entry)
    return b"".join(parts)


def split_bundle(data: bytes) -> list[bytes]:
    """c2sp.org/tlog-tiles: each entry after its length in a u16."""
    entries = []
    while data:
        end = 2 + int.from_bytes(data[:2])
        assert end <= len(data)
        entries.append(data[2:end])
        data = data[end:]
    return entries


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162 section 2.1.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 section 2.1.1."""
    return sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, of leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def root_of_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes]
) -> bytes:
    """RFC 9162 section 2.1.3.2: the root that an inclusion proof leads to."""
    assert 0 <= index < size
    fn, sn, result = index, size - 1, leaf
    for node in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            result = node_hash(node, result)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, node)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return result


def check_consistency(
    first: int, second: int, old: bytes, new: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 section 2.1.4.2, for 0 < first < second."""
    path = [old, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        assert sn != 0
        if fn & 1 or fn == sn:
            fr, sr = node_hash(node, fr), node_hash(node, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, node)
        fn, sn = fn >> 1, sn >> 1
    assert (fr, sr, sn) == (old, new, 0)


class Head(NamedTuple):
    """A tree as a checkpoint or a signed tree head states it."""

    size: int
    root: bytes


def open_checkpoint(note: bytes, vkey: str) -> Head:
    """c2sp.org/signed-note and c2sp.org/tlog-checkpoint, with an Ed25519 key."""
    name, key_id, key = vkey.split("+", 2)
    kind, public = unbase64(key)[0], unbase64(key)[1:]
    assert kind == 1
    assert sha256(f"{name}\n\x01".encode() + public).hexdigest()[:8] == key_id
    text, lines = note.rsplit(b"\n\n", 1)
    text += b"\n"
    signatures = [
        unbase64(line.rsplit(" ", 1)[1])
        for line in lines.decode().split("\n")
        if line.startswith(f"— {name} ")
    ]
    (signature,) = [s[4:] for s in signatures if s[:4].hex() == key_id]
    ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    origin, size, root = text.decode().splitlines()
    assert origin == name
    return Head(int(size), unbase64(root))


def open_tree_head(answer: dict[str, Any], pem: str) -> Head:
    """RFC 6962 section 4.3, with an ECDSA key on P-256."""
    head = Head(answer["tree_size"], unbase64(answer["sha256_root_hash"]))
    signature = unbase64(answer["tree_head_signature"])
    # Version 1, tree_hash, time, size, root; and before the signature sha256, ecdsa.
    numbers = answer["timestamp"].to_bytes(8) + head.size.to_bytes(8)
    assert signature[:2] == b"\x04\x03"
    assert int.from_bytes(signature[2:4]) == len(signature) - 4
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    message = b"\x00\x01" + numbers + head.root
    key.verify(signature[4:], message, ec.ECDSA(SHA256()))
    return head


@dataclass
class TlogProof:
    """What a file in the format c2sp.org/tlog-proof@v1 says."""

    index: int
    hashes: list[bytes]
    checkpoint: bytes


def read_tlog_proof(data: bytes) -> TlogProof:
    """c2sp.org/tlog-proof, without an extra line."""
    head, checkpoint = data.split(b"\n\n", 1)
    magic, index, *hashes = head.decode().split("\n")
    assert magic == "c2sp.org/tlog-proof@v1"
    assert index.startswith("index ")
    return TlogProof(int(index[6:]), [unbase64(line) for line in hashes], checkpoint)
