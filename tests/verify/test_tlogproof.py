"""The text form of a proof of inclusion."""

import json
from binascii import a2b_base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.errors import MalformedProof
from proofs.tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof

VECTORS = Path(__file__).parent.parent / "vectors"
FORMATS = json.loads((VECTORS / "formats" / "tlog_proof.json").read_text())

HEADER = b"c2sp.org/tlog-proof@v1\n"
HASH = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


def proof_of(case: dict[str, Any]) -> TlogProof:
    """Return the values of a vector."""
    extra = a2b_base64(case["extra_b64"]) if "extra_b64" in case else None
    hashes = tuple(a2b_base64(text) for text in case["hashes"])
    return TlogProof(case["index"], hashes, case["checkpoint"].encode(), extra)


@pytest.mark.parametrize(
    "case", FORMATS["marshal"], ids=lambda c: f"index {c['index']}"
)
def test_the_proofs_of_formats_are_read_and_written(case: dict[str, Any]) -> None:
    assert parse_tlog_proof(case["text"].encode()) == proof_of(case)
    assert format_tlog_proof(proof_of(case)) == case["text"].encode()


@pytest.mark.parametrize("case", FORMATS["reject"], ids=lambda case: case["why"])
def test_what_formats_refuses_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(MalformedProof):
        parse_tlog_proof(case["text"].encode())


REFUSED = {
    "CRLF": HEADER.replace(b"\n", b"\r\n") + b"index 0\r\n\r\nnote\r\n",
    "a space at the end": HEADER + b"index 0 \n\nnote\n",
    "two spaces": HEADER + b"index  0\n\nnote\n",
    "index 00": HEADER + b"index 00\n\nnote\n",
    "index 2^63": HEADER + b"index 9223372036854775808\n\nnote\n",
    "extra after index": HEADER + b"index 0\nextra AA==\n\nnote\n",
    "extra twice": HEADER + b"extra AA==\nextra AA==\nindex 0\n\nnote\n",
    "empty extra": HEADER + b"extra \nindex 0\n\nnote\n",
    "non-canonical extra": HEADER + b"extra AB==\nindex 0\n\nnote\n",
    "a hash of 31 bytes": HEADER + b"index 0\n" + HASH[4:] + b"\nnote\n",
    "a non-canonical hash": HEADER + b"index 0\n" + HASH[:-3] + b"B=\n\nnote\n",
    "64 hashes": HEADER + b"index 0\n" + HASH * 64 + b"\nnote\n",
    "no checkpoint": HEADER + b"index 0\n\n",
    "no empty line": HEADER + b"index 0\nnote\n",
    "version 2": HEADER.replace(b"v1", b"v2") + b"index 0\n\nnote\n",
    "something before the header": b"\n" + HEADER + b"index 0\n\nnote\n",
    "header only": HEADER,
    "invalid UTF-8": HEADER + b"index \xff\n\nnote\n",
    "nothing": b"",
    "two megabytes": HEADER + b"index 0\n\n" + b"a" * 2_000_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedProof):
        parse_tlog_proof(data)


def test_63_hashes_are_read() -> None:
    data = HEADER + b"index 0\n" + HASH * 63 + b"\nnote\n"

    assert len(parse_tlog_proof(data).proof) == 63


def test_the_checkpoint_is_kept_byte_by_byte() -> None:
    data = HEADER + b"index 0\n\n\n\nany\xff bytes\r\n\nat all"

    assert parse_tlog_proof(data).checkpoint == b"\n\nany\xff bytes\r\n\nat all"


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, (), b"note\n"),
        TlogProof(2**63, (), b"note\n"),
        TlogProof(0, (bytes(31),), b"note\n"),
        TlogProof(0, (), b""),
        TlogProof(0, (), b"note\n", b""),
    ],
)
def test_what_would_not_read_back_is_not_written(proof: TlogProof) -> None:
    with pytest.raises(MalformedProof):
        format_tlog_proof(proof)


def test_hashes_in_a_list_are_not_written() -> None:
    """They would read back as a tuple: another value."""
    proof = TlogProof(0, [bytes(32)], b"note\n")  # type: ignore[arg-type]

    with pytest.raises(MalformedProof):
        format_tlog_proof(proof)


hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=5).map(tuple)


@given(
    st.builds(
        TlogProof,
        st.integers(0, 2**63 - 1),
        hashes,
        st.binary(min_size=1),
        st.none() | st.binary(min_size=1),
    )
)
def test_every_proof_reads_back(proof: TlogProof) -> None:
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


@given(st.binary() | st.binary().map(lambda data: HEADER + b"index 0\n" + data))
def test_any_bytes_are_a_proof_or_malformed(data: bytes) -> None:
    try:
        proof = parse_tlog_proof(data)
    except MalformedProof:
        return

    assert format_tlog_proof(proof) == data
