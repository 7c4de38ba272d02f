"""The proofs that other implementations publish: every one judged as they do."""

import json
from base64 import standard_b64decode, standard_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from reference.merkle import ReferenceTree, covering_subtrees

from proofs.errors import MalformedProof, ProofsError
from proofs.hashing import leaf_hash
from proofs.merkle import (
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from proofs.nodes import (
    Node,
    assemble_proof,
    is_subtree,
    proof_nodes,
    subtree_proof_ranges,
)

VECTORS = Path(__file__).parents[1] / "vectors"
TRANSCRIBED = json.loads((VECTORS / "merkle/transcribed.json").read_text())
RFC_9162 = json.loads((VECTORS / "rfc/rfc9162_example.json").read_text())

# Some probes have words of 12 bytes where a root should be. No root has 12 bytes, so
# that is refused here, whatever the probe is about.
PLACEHOLDER = b"don't care"

# With a root in place of the words it holds by c2sp.org/tlog-witness: every tree is
# consistent with the empty one.
REFUSED_FOR_ITS_PLACEHOLDER = "additional/size1-is-zero-and-size2-is-not-zero"

Probe = dict[str, Any]


def probes(kind: str) -> list[Any]:
    lines = (VECTORS / f"merkle/{kind}.ndjson").read_text().splitlines()
    return [pytest.param(probe := json.loads(line), id=probe["file"]) for line in lines]


def hashes_of(probe: Probe) -> list[bytes]:
    return [standard_b64decode(digest) for digest in probe["proof"] or []]


def check_inclusion_probe(probe: Probe) -> None:
    verify_inclusion(
        index=probe["leafIdx"],
        size=probe["treeSize"],
        leaf_hash=standard_b64decode(probe["leafHash"]),
        proof=hashes_of(probe),
        root_hash=standard_b64decode(probe["root"]),
    )


def check_consistency_probe(probe: Probe) -> None:
    verify_consistency(
        old_size=probe["size1"],
        new_size=probe["size2"],
        old_root=standard_b64decode(probe["root1"]),
        new_root=standard_b64decode(probe["root2"]),
        proof=hashes_of(probe),
    )


def check_subtree_probe(probe: Probe) -> None:
    verify_subtree(
        start=probe["start"],
        end=probe["end"],
        size=probe["size"],
        subtree_hash=standard_b64decode(probe["root1"]),
        root_hash=standard_b64decode(probe["root2"]),
        proof=hashes_of(probe),
    )


def check_subtree_inclusion_probe(probe: Probe) -> None:
    """A leaf of a subtree is a leaf of the tree that the subtree is by itself."""
    start, end = probe["start"], probe["end"]
    if not is_subtree(start, end):
        raise MalformedProof("no subtree")
    verify_inclusion(
        index=probe["leafIdx"] - start,
        size=end - start,
        leaf_hash=standard_b64decode(probe["leafHash"]),
        proof=hashes_of(probe),
        root_hash=standard_b64decode(probe["root"]),
    )


def with_real_roots(probe: Probe) -> Probe:
    """Put the hash of a placeholder in its place: nobody cares for that either."""
    return probe | {
        name: standard_b64encode(sha256(probe[name].encode()).digest()).decode()
        for name in ("root", "root1", "root2")
        if standard_b64decode(probe.get(name, "")).startswith(PLACEHOLDER)
    }


def judge(check: Callable[[Probe], None], probe: Probe) -> None:
    real = with_real_roots(probe)
    if real != probe:
        with pytest.raises(MalformedProof):
            check(probe)
    if probe["wantErr"] and probe["file"] != REFUSED_FOR_ITS_PLACEHOLDER:
        with pytest.raises(ProofsError):
            check(real)
    else:
        check(real)


@pytest.mark.parametrize("probe", probes("inclusion"))
def test_inclusion_probe(probe: Probe) -> None:
    judge(check_inclusion_probe, probe)


@pytest.mark.parametrize("probe", probes("consistency"))
def test_consistency_probe(probe: Probe) -> None:
    judge(check_consistency_probe, probe)


@pytest.mark.parametrize("probe", probes("subtreeconsistency"))
def test_subtree_probe(probe: Probe) -> None:
    judge(check_subtree_probe, probe)


@pytest.mark.parametrize("probe", probes("subtreeinclusion"))
def test_subtree_inclusion_probe(probe: Probe) -> None:
    judge(check_subtree_inclusion_probe, probe)


def test_there_are_518_probes() -> None:
    kinds = ("inclusion", "consistency", "subtreeinclusion", "subtreeconsistency")

    assert [len(probes(kind)) for kind in kinds] == [98, 98, 204, 118]


def published_tree() -> dict[Node, bytes]:
    """The perfect nodes of the tree of eight leaves that the probes are about."""
    levels = ("leaf_hashes", "level1", "level2", "level3")
    return {
        Node(level, index): bytes.fromhex(digest)
        for level, name in enumerate(levels)
        for index, digest in enumerate(TRANSCRIBED[name])
    }


@pytest.mark.parametrize("case", TRANSCRIBED["derived_inclusion_proofs"])
def test_published_inclusion_proof(case: dict[str, Any]) -> None:
    index, size = case["leaf_index"], case["tree_size"]
    nodes = published_tree()
    proof = assemble_proof(subtree_proof_ranges(index, index + 1, size), nodes)

    assert [digest.hex() for digest in proof] == case["path"]
    assert (
        root_from_inclusion(
            index=index, size=size, leaf_hash=nodes[Node(0, index)], proof=proof
        ).hex()
        == TRANSCRIBED["roots_by_size"][str(size)]
    )


@pytest.mark.parametrize("case", TRANSCRIBED["derived_consistency_proofs"])
def test_published_consistency_proof(case: dict[str, Any]) -> None:
    old_size, new_size = case["size1"], case["size2"]
    ranges = subtree_proof_ranges(0, old_size, new_size)
    proof = assemble_proof(ranges, published_tree())

    assert [digest.hex() for digest in proof] == case["proof"]
    verify_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=bytes.fromhex(TRANSCRIBED["roots_by_size"][str(old_size)]),
        new_root=bytes.fromhex(TRANSCRIBED["roots_by_size"][str(new_size)]),
        proof=proof,
    )


# The tree of 130 leaves, each one byte, of which every proof there is is hashed into
# one published value: a complete check of a generator in a line.
ACCUMULATED = TRANSCRIBED["accumulated"]
BYTES = ReferenceTree([bytes([index]) for index in range(130)])
SUBTREES = [
    (start, end)
    for end in range(131)
    for start in range(end + 1)
    if is_subtree(start, end)
]


def accumulate(lines: Iterable[str]) -> str:
    digest = sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def all_nodes() -> dict[Node, bytes]:
    return {
        Node(level, index): BYTES.mth(index << level, (index + 1) << level)
        for level in range(8)
        for index in range(130 >> level)
    }


def test_accumulated_subtree_hashes() -> None:
    """Of the reference tree, which is what the rest is compared with."""
    lines = (
        f"[{start}, {end}) {BYTES.mth(start, end).hex()}" for start, end in SUBTREES
    )

    assert accumulate(lines) == ACCUMULATED["subtree_hashes"]


def test_accumulated_subtree_inclusion_proofs() -> None:
    nodes = all_nodes()
    lines = []
    for start, end in SUBTREES:
        for index in range(start, end):
            ranges = [
                (start + low, start + high)
                for low, high in subtree_proof_ranges(
                    index - start, index - start + 1, end - start
                )
            ]
            proof = assemble_proof(ranges, nodes)
            hexes = "".join(f" {digest.hex()}" for digest in proof)
            lines.append(f"{index} [{start}, {end}){hexes}")

    assert accumulate(lines) == ACCUMULATED["subtree_inclusion_proofs"]


def test_accumulated_subtree_consistency_proofs() -> None:
    nodes = all_nodes()
    lines = []
    for size in range(131):
        for start, end in SUBTREES:
            if end <= size:
                proof = assemble_proof(subtree_proof_ranges(start, end, size), nodes)
                hexes = "".join(f" {digest.hex()}" for digest in proof)
                lines.append(f"[{start}, {end}) {size}{hexes}")

    assert accumulate(lines) == ACCUMULATED["subtree_consistency_proofs"]


def test_accumulated_covering_subtrees() -> None:
    """Of the reference: the library does not cover ranges."""
    lines = []
    for end in range(131):
        for start in range(end + 1):
            left, right = covering_subtrees(start, end)
            lines.append(f"[{left[0]}, {left[1]}) [{right[0]}, {right[1]})")

    assert accumulate(lines) == ACCUMULATED["covering_subtrees"]


# The letters in the figure of RFC 9162 section 2.1.5, as ranges of its seven leaves.
LETTERS = {
    **{letter: (index, index + 1) for index, letter in enumerate("abcdefj")},
    "g": (0, 2),
    "h": (2, 4),
    "i": (4, 6),
    "k": (0, 4),
    "l": (4, 7),
}


@pytest.mark.parametrize(("leaf", "letters"), RFC_9162["inclusion"].items())
def test_inclusion_example_of_the_rfc(leaf: str, letters: list[str]) -> None:
    index = int(leaf.removeprefix("d"))

    ranges = subtree_proof_ranges(index, index + 1, 7)

    assert ranges == [LETTERS[letter] for letter in letters]


@pytest.mark.parametrize(("old_size", "letters"), RFC_9162["consistency_to_7"].items())
def test_consistency_example_of_the_rfc(old_size: str, letters: list[str]) -> None:
    ranges = subtree_proof_ranges(0, int(old_size), 7)

    assert ranges == [LETTERS[letter] for letter in letters]


# x/mod sumdb/tlog: TestTree, on the leaves "leaf 0" to "leaf 99".
LEAVES = ReferenceTree([b"leaf %d" % index for index in range(100)])
LEAF_NODES = {
    Node(level, index): LEAVES.mth(index << level, (index + 1) << level)
    for level in range(7)
    for index in range(100 >> level)
}


def every_byte_flipped(proof: list[bytes]) -> Iterable[list[bytes]]:
    for position, digest in enumerate(proof):
        for byte in range(32):
            wrong = digest[:byte] + bytes([digest[byte] ^ 1]) + digest[byte + 1 :]
            yield [*proof[:position], wrong, *proof[position + 1 :]]


def test_every_record_of_the_go_test_verifies_and_with_no_byte_flipped() -> None:
    root = LEAVES.root(100)
    for index in range(100):
        ranges = subtree_proof_ranges(index, index + 1, 100)
        proof = assemble_proof(ranges, {n: LEAF_NODES[n] for n in proof_nodes(ranges)})
        leaf = leaf_hash(b"leaf %d" % index)
        verify_inclusion(
            index=index, size=100, leaf_hash=leaf, proof=proof, root_hash=root
        )
        for wrong in every_byte_flipped(proof):
            calculated = root_from_inclusion(
                index=index, size=100, leaf_hash=leaf, proof=wrong
            )
            assert calculated != root


def test_every_older_tree_of_the_go_test_verifies_and_with_no_byte_flipped() -> None:
    for old_size in range(1, 101):
        ranges = subtree_proof_ranges(0, old_size, 100)
        proof = assemble_proof(ranges, LEAF_NODES)
        facts = {"old_root": LEAVES.root(old_size), "new_root": LEAVES.root(100)}
        verify_consistency(old_size=old_size, new_size=100, proof=proof, **facts)
        for wrong in every_byte_flipped(proof):
            with pytest.raises(ProofsError):
                verify_consistency(
                    old_size=old_size, new_size=100, proof=wrong, **facts
                )


def test_the_record_hash_of_the_go_test() -> None:
    note = json.loads((VECTORS / "golang-mod/tlog.json").read_text())["tree_note"]

    digest = leaf_hash(note["record_ascii"].encode())

    assert digest == standard_b64decode(note["hash_b64"])
