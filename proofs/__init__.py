"""Verification of transparency logs: bytes in, a verdict or an exception out.

No I/O, no clock, no server: what a holder of a receipt needs in order to trust nobody
but the log's key. One file for each specification, see their first lines.

::

    from proofs import open_checkpoint, parse_vkey, verify_inclusion
"""

from .checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
)
from .compact import CompactRange
from .errors import (
    Inconsistent,
    InvalidSignature,
    MalformedCheckpoint,
    MalformedError,
    MalformedKey,
    MalformedNote,
    MalformedProof,
    MalformedReceipt,
    MalformedTile,
    ProofsError,
    RootMismatch,
    UnverifiedNote,
    VerificationError,
)
from .hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash
from .keys import parse_vkey
from .merkle import (
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from .note import Note, NoteSignature, format_note, open_note, parse_note, sign_note
from .receipt import Receipt, format_receipt, parse_receipt
from .tilereader import TileReader
from .tiles import (
    Bundle,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
)
from .tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof
from .verdict import Finding, Verdict, check_receipt

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "Bundle",
    "Checkpoint",
    "CompactRange",
    "Finding",
    "Inconsistent",
    "InvalidSignature",
    "MalformedCheckpoint",
    "MalformedError",
    "MalformedKey",
    "MalformedNote",
    "MalformedProof",
    "MalformedReceipt",
    "MalformedTile",
    "Note",
    "NoteSignature",
    "ProofsError",
    "Receipt",
    "RootMismatch",
    "SignedCheckpoint",
    "Tile",
    "TileReader",
    "TlogProof",
    "UnverifiedNote",
    "Verdict",
    "VerificationError",
    "check_receipt",
    "decode_bundle",
    "encode_bundle",
    "format_checkpoint",
    "format_note",
    "format_receipt",
    "format_tlog_proof",
    "leaf_hash",
    "node_hash",
    "open_checkpoint",
    "open_note",
    "parse_checkpoint",
    "parse_note",
    "parse_receipt",
    "parse_tile_path",
    "parse_tlog_proof",
    "parse_vkey",
    "root_from_inclusion",
    "sign_note",
    "verify_consistency",
    "verify_inclusion",
    "verify_subtree",
]
