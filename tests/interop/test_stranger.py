"""A client that was written from the documents alone finds what they promise."""

import ast
import json
import random
from collections.abc import Iterator
from gzip import decompress
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from interop.conftest import Serve, Served
from interop.stranger import (
    Head,
    Site,
    cbor_sequence,
    check_consistency,
    leaf_hash,
    open_checkpoint,
    open_tree_head,
    read_tlog_proof,
    root_of_inclusion,
    split_bundle,
    tree_hash,
    unbase64,
)

# Commits of these sizes: single entries, and batches across the edge of a tile.
COMMITS = (1, 1, 3, 120, 140, 35)
SIZE = sum(COMMITS)

LINES = b'{"a": 1}\n{"b": "\xc3\xa9"}\r\n{"a": 1}\n'


@pytest.fixture(scope="module")
def entries() -> list[bytes]:
    """Entries of all kinds; the first and the third are equal."""
    chance = random.Random(6962)
    made = [chance.randbytes(chance.randint(1, 400)) for _ in range(SIZE)]
    made[1] = b"several\nlines\r\n\x00\xff"
    made[2] = made[0]
    made[100] = chance.randbytes(65_535)
    return made


@pytest.fixture(scope="module")
def log(serve: Serve, entries: list[bytes], tmp_path_factory: pytest.TempPathFactory
        ) -> Served:
    """A log with *entries*."""
    log = serve(tmp_path_factory.mktemp("log") / "logs")
    start = 0
    for count in COMMITS:
        body = cbor_sequence(entries[start : start + count])
        assert log.site.submit(body, "application/cbor-seq").status == 201
        start += count
    log.site.wait_for_checkpoint(SIZE)
    return log


@pytest.fixture
def fresh(serve: Serve, tmp_path: Path) -> Served:
    """A log without entries."""
    return serve(tmp_path / "logs")


@pytest.fixture(scope="module")
def hashes(entries: list[bytes]) -> list[bytes]:
    """The leaf hash of each entry."""
    return [leaf_hash(entry) for entry in entries]


def verify_receipt(receipt: dict[str, object], entry: bytes, vkey: str) -> Head:
    """Verify a receipt in JSON; return the tree that it is about."""
    index, proof = receipt["index"], receipt["inclusion_proof"]
    assert isinstance(index, int)
    assert isinstance(proof, list)
    assert receipt["leaf_hash"] == b64(leaf_hash(entry))
    head = open_checkpoint(str(receipt["checkpoint"]).encode(), vkey)
    path = [unbase64(node) for node in proof]
    assert root_of_inclusion(leaf_hash(entry), index, head.size, path) == head.root
    return head


def test_nothing_here_imports_what_it_tests() -> None:
    for file in ("stranger.py", "test_stranger.py", "conftest.py"):
        tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [name.name for name in getattr(node, "names", [])]
            imported = [getattr(node, "module", None) or "", *names]
            assert not {n.split(".")[0] for n in imported} & {"proofs", "merklelog"}
'''+'' if False else '' 
