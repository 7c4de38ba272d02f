"""The parsers and verifiers of proofs/."""

import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec
from fuzz.targets import Target, check_round_trip
from reference.merkle import ReferenceTree, accepts_consistency, accepts_inclusion
from reference.signing import EcdsaSigner, Ed25519Signer, TreeHeadSigner

from proofs.checkpoint import (
    Checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
)
from proofs.errors import (
    MalformedCheckpoint,
    MalformedError,
    MalformedKey,
    MalformedNote,
    MalformedProof,
    MalformedReceipt,
    MalformedTile,
    RootMismatch,
    VerificationError,
)
from proofs.keys import parse_vkey
from proofs.merkle import verify_consistency, verify_inclusion
from proofs.nodes import range_nodes
from proofs.note import format_note, parse_note, sign_note
from proofs.receipt import (
    ConsistencyProof,
    Disclosure,
    Receipt,
    format_receipt,
    parse_receipt,
)
from proofs.text import (
    format_base64,
    parse_base64,
    parse_decimal,
    parse_hex,
    split_lines,
)
from proofs.tilereader import TileReader
from proofs.tiles import decode_bundle, encode_bundle, parse_tile_path
from proofs.tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof
from proofs.treehead import decode_tree_head_signature, encode_tree_head_signature
from proofs.verdict import Verdict, check_receipt

ORIGIN = "example.com/log"
TREE = ReferenceTree([f"entry {index}".encode() for index in range(300)])
SIZES = (0, 1, 2, 7, 13, 256, 300)
SIGNER = Ed25519Signer.called(ORIGIN)


def tree_head_signer(size: int) -> TreeHeadSigner:
    return TreeHeadSigner(ORIGIN, 1_711_642_477_482, size, TREE.root(size))


def checkpoint(size: int) -> bytes:
    text = format_checkpoint(Checkpoint(ORIGIN, size, TREE.root(size)))
    return sign_note(text, [SIGNER, tree_head_signer(size)])


CHECKPOINTS = [checkpoint(size) for size in SIZES]
VKEYS = [
    SIGNER.vkey,
    tree_head_signer(7).vkey,
    EcdsaSigner(ORIGIN, ec.SECP384R1()).vkey,
]
VERIFIERS = [parse_vkey(vkey) for vkey in VKEYS[:2]]

RECEIPT = Receipt(
    origin=ORIGIN,
    index=5,
    leaf_hash=TREE.leaves[5],
    inclusion_proof=tuple(TREE.inclusion(5, 13)),
    checkpoint=checkpoint(13),
)
FULL_RECEIPT = replace(
    RECEIPT,
    logged_at="2026-11-21T10:00:00.123Z",
    entry=b"entry 5",
    event_id="01J",
    disclosures=(Disclosure("actor.name", b"salt", {"given": [1, -0.5, None]}),),
    consistency_proof=ConsistencyProof(7, tuple(TREE.consistency(7, 13))),
)
RECEIPTS = [format_receipt(RECEIPT), format_receipt(FULL_RECEIPT)]
INDENTED_RECEIPT = json.dumps(json.loads(RECEIPTS[1]), indent=1).encode()
TLOG_PROOFS = [
    format_tlog_proof(TlogProof(5, RECEIPT.inclusion_proof, RECEIPT.checkpoint)),
    format_tlog_proof(TlogProof(0, (), checkpoint(1), extra=b"extra")),
]


def fuzz_note(data: bytes) -> None:
    check_round_trip(parse_note, format_note, data, MalformedNote)


def fuzz_checkpoint(data: bytes) -> None:
    check_round_trip(parse_checkpoint, format_checkpoint, data, MalformedCheckpoint)


def fuzz_signed_checkpoint(data: bytes) -> None:
    """No bytes make up a tree that the log did not sign."""
    try:
        opened = open_checkpoint(data, VERIFIERS).checkpoint
    except (MalformedNote, MalformedCheckpoint, VerificationError):
        return
    assert opened.size in SIZES
    assert opened == Checkpoint(ORIGIN, opened.size, TREE.root(opened.size))


def fuzz_vkey(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    check_round_trip(parse_vkey, lambda key: key.vkey, text, MalformedKey)


def fuzz_tree_head_signature(data: bytes) -> None:
    check_round_trip(
        decode_tree_head_signature, encode_tree_head_signature, data, MalformedError
    )


def fuzz_tile_path(data: bytes) -> None:
    text = data.decode("latin-1")
    check_round_trip(parse_tile_path, lambda tile: tile.path, text, MalformedTile)


def fuzz_bundle(data: bytes) -> None:
    """The first byte is the width, less one."""
    width = data[0] + 1 if data else 1
    try:
        entries = decode_bundle(data[1:], width)
    except MalformedTile:
        return
    assert len(entries) == width
    assert encode_bundle(entries) == data[1:]


def fuzz_receipt(data: bytes) -> None:
    """Spaces and order are free, so the object comes back and not the bytes."""
    try:
        receipt = parse_receipt(data)
    except MalformedReceipt:
        return
    assert parse_receipt(format_receipt(receipt)) == receipt


def fuzz_tlog_proof(data: bytes) -> None:
    check_round_trip(parse_tlog_proof, format_tlog_proof, data, MalformedProof)


def fuzz_verdict(data: bytes) -> None:
    """A receipt is believed about what the log signed, and about nothing else."""
    try:
        receipt = parse_receipt(data)
    except MalformedReceipt:
        return
    finding = check_receipt(receipt, verifiers=VERIFIERS)
    believed = finding.verdict in {Verdict.SELF_CONSISTENT, Verdict.ANCHORED}
    assert not believed or receipt.leaf_hash == TREE.leaves[receipt.index]


def fuzz_verdict_of_tlog_proof(data: bytes) -> None:
    """As for receipts; the holder has entry 5."""
    try:
        proof = parse_tlog_proof(data)
    except MalformedProof:
        return
    finding = check_receipt(proof, verifiers=VERIFIERS, entry=b"entry 5")
    assert finding.verdict is not Verdict.SELF_CONSISTENT or proof.index == 5


def _hashes(data: bytes) -> list[bytes]:
    """Return two hashes or more, the last of which may be short."""
    return [data[at : at + 32] for at in range(0, max(len(data), 64), 32)]


def fuzz_inclusion(data: bytes) -> None:
    """Accepts what the algorithm of RFC 9162 section 2.1.3.2 accepts.

    The data are index, size, and the hashes: leaf, root, proof.
    """
    index, size = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
    leaf, root, *proof = _hashes(data[4:])
    accepted = True
    try:
        verify_inclusion(
            index=index, size=size, leaf_hash=leaf, proof=proof, root_hash=root
        )
    except (MalformedProof, RootMismatch):
        accepted = False
    whole = all(len(digest) == 32 for digest in (leaf, root, *proof))
    assert accepted == (whole and accepts_inclusion(index, size, leaf, proof, root))


def fuzz_consistency(data: bytes) -> None:
    """Accepts what the algorithm of RFC 9162 section 2.1.4.2 accepts.

    The data are both sizes, and the hashes: old root, new root, proof.
    """
    old_size, new_size = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
    old, new, *proof = _hashes(data[4:])
    accepted = True
    try:
        verify_consistency(
            old_size=old_size,
            new_size=new_size,
            old_root=old,
            new_root=new,
            proof=proof,
        )
    except (MalformedProof, RootMismatch):
        accepted = False
    if 0 < old_size < new_size:
        whole = all(len(digest) == 32 for digest in (old, new, *proof))
        expected = whole and accepts_consistency(old_size, new_size, proof, old, new)
        assert accepted == expected
    elif accepted:
        assert old_size <= new_size
        assert not proof
        assert old == (TREE.root(0) if old_size == 0 else new)


# The tiles of the tree of 300 leaves, and where each ends in their concatenation.
_TILES = b"".join(TREE.leaves) + TREE.root(256)
_READER = TileReader(300, TREE.root(300))
_WANTED = _READER.tiles_for(range_nodes(0, 300) + range_nodes(3, 299))


def fuzz_tiles(data: bytes) -> None:
    """Whatever bytes come for the tiles, a hash that is returned is the tree's."""
    bounds = {(0, 0): (0, 8192), (0, 1): (8192, 9600), (1, 0): (9600, None)}
    tiles = {}
    for tile in _WANTED:
        start, end = bounds[tile.level, tile.index]
        tiles[tile] = data[start:end]
    reader = TileReader(300, TREE.root(300))
    try:
        reader.authenticate(tiles)
    except (MalformedTile, RootMismatch):
        return
    for node, digest in reader.hashes(range_nodes(3, 299)).items():
        start = node.index << node.level
        assert digest == TREE.mth(start, start + (1 << node.level))


def fuzz_text(data: bytes) -> None:
    """One value has one spelling."""
    text = data.decode("utf-8", "surrogateescape")
    check_round_trip(parse_decimal, str, text, MalformedError)
    check_round_trip(parse_base64, format_base64, text, MalformedError)
    check_round_trip(
        lambda text: parse_hex(text, length=4), bytes.hex, text, MalformedError
    )
    check_round_trip(split_lines, _join_lines, data, MalformedError)


def _join_lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _numbers(one: int, other: int) -> bytes:
    return one.to_bytes(2) + other.to_bytes(2)


_INCLUSIONS = [
    _numbers(index, size)
    + b"".join([TREE.leaves[index], TREE.root(size), *TREE.inclusion(index, size)])
    for index, size in ((0, 1), (0, 2), (5, 13), (255, 256), (299, 300))
]
_CONSISTENCIES = [
    _numbers(old, new)
    + b"".join([TREE.root(old), TREE.root(new), *TREE.consistency(old, new)])
    for old, new in ((1, 2), (4, 7), (7, 13), (256, 300), (257, 300))
] + [_numbers(0, 7) + TREE.root(0) + TREE.root(7), _numbers(7, 7) + 2 * TREE.root(7)]

TARGETS = {
    "note": Target(fuzz_note, CHECKPOINTS),
    "checkpoint": Target(fuzz_checkpoint, [parse_note(c).text for c in CHECKPOINTS]),
    "signed-checkpoint": Target(fuzz_signed_checkpoint, CHECKPOINTS),
    "vkey": Target(fuzz_vkey, [vkey.encode() for vkey in VKEYS]),
    "tree-head-signature": Target(
        fuzz_tree_head_signature, [tree_head_signer(7).sign(b"")]
    ),
    "tile-path": Target(
        fuzz_tile_path,
        [b"tile/0/000", b"tile/63/x001/x234/067.p/89", b"tile/entries/x009/999.p/255"],
    ),
    "bundle": Target(
        fuzz_bundle,
        [b"\x02" + encode_bundle([b"one", b"", b"three"]), b"\x00\x00\x01x"],
    ),
    "receipt": Target(fuzz_receipt, [*RECEIPTS, INDENTED_RECEIPT]),
    "tlog-proof": Target(fuzz_tlog_proof, TLOG_PROOFS),
    "verdict": Target(fuzz_verdict, RECEIPTS),
    "verdict-of-tlog-proof": Target(fuzz_verdict_of_tlog_proof, TLOG_PROOFS),
    "inclusion": Target(fuzz_inclusion, _INCLUSIONS),
    "consistency": Target(fuzz_consistency, _CONSISTENCIES),
    "tiles": Target(fuzz_tiles, [_TILES]),
    "text": Target(
        fuzz_text, [b"1234567890", b"AAECAw==", b"00ff7f10", b"two\nlines\n"]
    ),
}
