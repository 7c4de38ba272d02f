"""Receipts as JSON text, written by template.

A receipt is the answer to most requests, and has some 24 hashes. Built as a dict for
``json.dumps`` it costs several times what committing its entry costs. Here the parts
that all receipts of one commit share are spelled once, and the proofs come as text.

What comes out is, byte for byte, what ``proofs.receipt.format_receipt`` writes; a test
compares them.
"""

import json
from binascii import b2a_base64

from merklelog.clock import format_time
from merklelog.tlog.commitment import Commitment


def _as_json(node: bytes) -> bytes:
    """Encode the nodes of a proof as they follow one another in a JSON array."""
    return b',"%b"' % b2a_base64(node, newline=False)


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

    def full(self, commitment: Commitment, offset: int) -> bytes:
        """Return the receipt of entry *offset* of a submission, with its proof."""
        if commitment.head.note is not self._note:
            self._use_note(commitment.head.note)
        proof = commitment.inclusion_path(offset, _as_json)[1:]  # After its comma.
        facts = self._facts(
            commitment.first_index + offset,
            commitment.leaf_hashes[offset],
            commitment.logged_at,
        )
        return b'%b,"inclusion_proof":[%b]%b' % (facts, proof, self._end)

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


def _json_string(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8")
