"""Receipts as JSON text, written by template.

A receipt is the answer to most requests, and has some 24 hashes. Built as a dict for
``json.dumps`` it costs several times what committing its entry costs. Here the parts
that all receipts of one commit share are spelled once, and so is every hash that
several of their proofs share: all but the few lowest.

What comes out is, byte for byte, what ``proofs.receipt.format_receipt`` writes; a test
compares them.
"""

import json
from binascii import b2a_base64

from merklelog.clock import format_time
from merklelog.tlog.commitment import Commitment

# Hashes whose text is remembered, at some 250 bytes each. The proofs of the largest
# batch have twice as many hashes as it has entries.
_MOST_TEXTS = 16_384


class _HashTexts(dict[bytes, bytes]):
    """The base64 text of each hash, computed when it is first asked for."""

    def __missing__(self, key: bytes) -> bytes:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        text = self[key] = b2a_base64(key, newline=False)
        return text


class ReceiptWriter:
    """Writes the receipts of one log. Belongs to the event loop."""

    def __init__(self, origin: str) -> None:
        """Write receipts of the log named *origin*."""
        self.origin = origin
        self._start = b'{"version":1,"origin":%b,"index":' % _json_string(origin)
        # The texts of the checkpoint and of the time that were written last. Requests
        # of one commit are answered one after the other, so that one slot is enough.
        self._note = b""
        self._end = b""
        self._logged_at = -1
        self._time = b""
        self._texts = _HashTexts()

    def full(self, commitment: Commitment, offset: int) -> bytes:
        """Return the receipt of entry *offset* of a submission, with its proof."""
        if commitment.head.note is not self._note:
            self._use_note(commitment.head.note)
        texts = self._texts
        proof = b'","'.join(
            [texts[node] for node in commitment.inclusion_proof(offset)]
        )
        facts = self._facts(
            commitment.first_index + offset,
            commitment.leaf_hashes[offset],
            commitment.logged_at,
        )
        # The proof in a tree of one entry has no hashes, and no quotes.
        hashes = b'"%b"' % proof if proof else b""
        return b'%b,"inclusion_proof":[%b]%b' % (facts, hashes, self._end)

    def sequenced(self, index: int, leaf_hash: bytes, logged_at: int) -> bytes:
        """Return what is certain without a checkpoint: index, leaf hash and time."""
        return self._facts(index, leaf_hash, logged_at) + b"}"

    def _facts(self, index: int, leaf_hash: bytes, logged_at: int) -> bytes:
        if logged_at != self._logged_at:
            self._logged_at = logged_at
            self._time = format_time(logged_at).encode("ascii")
        leaf = b2a_base64(leaf_hash, newline=False)
        return b'%b%d,"leaf_hash":"%b","logged_at":"%b"' % (
            self._start,
            index,
            leaf,
            self._time,
        )

    def _use_note(self, note: bytes) -> None:
        self._note = note
        self._end = b',"checkpoint":%b}' % _json_string(note.decode("utf-8"))
        # Each commit's proofs end in other hashes than the last one's.
        self._texts.clear()


def _json_string(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8")
