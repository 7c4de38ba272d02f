"""The hashes of RFC 6962, against published values."""

import json
from pathlib import Path

from proofs.hashing import EMPTY_ROOT, leaf_hash, node_hash

VECTORS = Path(__file__).parents[1] / "vectors"
MERKLE = json.loads((VECTORS / "merkle/transcribed.json").read_text())


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == MERKLE["empty_root"]


def test_the_empty_entry_has_a_leaf_hash_of_its_own() -> None:
    """It is not the root of the empty tree: the prefix byte keeps them apart."""
    assert leaf_hash(b"").hex() == MERKLE["hasher"]["leaf_of_empty"]
    assert leaf_hash(b"") != EMPTY_ROOT


def test_leaf_hashes_are_the_published_ones() -> None:
    assert leaf_hash(b"L123456").hex() == MERKLE["hasher"]["leaf_of_ascii_L123456"]

    hashes = [leaf_hash(bytes.fromhex(entry)) for entry in MERKLE["leaf_inputs_hex"]]

    assert [digest.hex() for digest in hashes] == MERKLE["leaf_hashes"]


def test_the_node_hash_is_the_published_one() -> None:
    expected = MERKLE["hasher"]["node_of_ascii_N123_N456"]

    assert node_hash(b"N123", b"N456").hex() == expected


def test_a_leaf_cannot_be_shown_as_a_node() -> None:
    """The bytes under a node, given as an entry, have another hash."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)
