"""Receipts in JSON: one way to write them, and what is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.errors import MalformedReceipt
from proofs.receipt import (
    MAX_RECEIPT_SIZE,
    ConsistencyProof,
    Disclosure,
    Receipt,
    format_receipt,
    parse_receipt,
)

ZERO = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
SMALL = Receipt(
    origin="example.com/audit",
    index=41,
    leaf_hash=bytes(32),
    inclusion_proof=(bytes(32),),
    checkpoint="example.com/audit\n42\n\u2026\n\n\u2014 \u2026\n".encode(),
)
FULL = Receipt(
    origin="example.com/audit",
    index=41,
    leaf_hash=bytes(32),
    logged_at="2026-11-21T10:00:00.123Z",
    inclusion_proof=(bytes(32),),
    checkpoint=b"note\n",
    entry=b"entry",
    event_id="e-1",
    disclosures=(Disclosure("actor.id", bytes(16), {"any": ["JSON", 1.5, None]}),),
    consistency_proof=ConsistencyProof(30, (bytes(32),)),
)
MEMBERS: dict[str, Any] = json.loads(format_receipt(FULL))


def changed(**members: object) -> bytes:
    """Return the full receipt with members replaced."""
    return json.dumps(MEMBERS | members).encode()


def without(member: str) -> bytes:
    """Return the full receipt without one member."""
    return json.dumps({k: v for k, v in MEMBERS.items() if k != member}).encode()


def test_the_members_are_written_in_the_documented_order() -> None:
    assert list(MEMBERS) == [
        "version",
        "origin",
        "index",
        "leaf_hash",
        "logged_at",
        "inclusion_proof",
        "checkpoint",
        "entry",
        "event_id",
        "disclosures",
        "consistency_proof",
    ]


def test_a_receipt_is_one_line_of_utf_8_without_spaces() -> None:
    assert (
        format_receipt(SMALL)
        == (
            '{"version":1,"origin":"example.com/audit","index":41,'
            f'"leaf_hash":"{ZERO}","inclusion_proof":["{ZERO}"],'
            '"checkpoint":"example.com/audit\\n42\\n\u2026\\n\\n\u2014 \u2026\\n"}'
        ).encode()
    )


@pytest.mark.parametrize("receipt", [SMALL, FULL], ids=["small", "full"])
def test_a_receipt_reads_back(receipt: Receipt) -> None:
    assert parse_receipt(format_receipt(receipt)) == receipt


def test_order_and_spacing_of_the_members_do_not_matter() -> None:
    data = json.dumps(MEMBERS, indent=2, sort_keys=True).encode()

    assert parse_receipt(data) == FULL


@pytest.mark.parametrize(
    "member",
    ["version", "origin", "index", "leaf_hash", "inclusion_proof", "checkpoint"],
)
def test_a_missing_member_is_named(member: str) -> None:
    with pytest.raises(MalformedReceipt, match=member):
        parse_receipt(without(member))


@pytest.mark.parametrize(
    "member",
    ["logged_at", "entry", "event_id", "disclosures", "consistency_proof"],
)
def test_the_other_members_are_optional(member: str) -> None:
    parse_receipt(without(member))


@pytest.mark.parametrize("member", sorted(MEMBERS))
@pytest.mark.parametrize("value", [None, True, 1.5, {}, [None]], ids=repr)
def test_a_member_of_another_type_is_named(member: str, value: object) -> None:
    with pytest.raises(MalformedReceipt, match=member):
        parse_receipt(changed(**{member: value}))


def test_an_unknown_member_is_named() -> None:
    with pytest.raises(MalformedReceipt, match="verdict"):
        parse_receipt(changed(verdict="WITNESSED"))


def test_an_unknown_member_of_the_consistency_proof_is_named() -> None:
    proof = MEMBERS["consistency_proof"] | {"to": 42}

    with pytest.raises(MalformedReceipt, match="to"):
        parse_receipt(changed(consistency_proof=proof))


def test_a_member_that_appears_twice_is_named() -> None:
    """Two readers could otherwise read two receipts in one."""
    data = format_receipt(SMALL).replace(b'"index":41', b'"index":41,"index":42')

    with pytest.raises(MalformedReceipt, match="'index' appears twice"):
        parse_receipt(data)


@pytest.mark.parametrize("version", [0, 2, 1.0, "1"])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(MalformedReceipt, match="version"):
        parse_receipt(changed(version=version))


REFUSED = {
    "a negative index": changed(index=-1),
    "index 2^63": changed(index=2**63),
    "an index as text": changed(index="41"),
    "a leaf hash of 31 bytes": changed(leaf_hash=ZERO[4:]),
    "a leaf hash in hex": changed(leaf_hash="00" * 32),
    "a leaf hash that is not canonical": changed(leaf_hash=ZERO[:-2] + "B="),
    "a proof hash of 31 bytes": changed(inclusion_proof=[ZERO[4:]]),
    "a proof that is text": changed(inclusion_proof=ZERO),
    "an entry with a newline in base64": changed(entry="ZW50\ncnk="),
    "a disclosure of two": changed(disclosures=[["path", "AAAA"]]),
    "no disclosures": changed(disclosures=[]),
    "a time without milliseconds": changed(logged_at="2026-11-21T10:00:00Z"),
    "a time with microseconds": changed(logged_at="2026-11-21T10:00:00.123456Z"),
    "a time in another zone": changed(logged_at="2026-11-21T10:00:00.123+01:00"),
    "a time on no day": changed(logged_at="2026-02-30T10:00:00.123Z"),
    "a time in the year 0": changed(logged_at="0000-01-01T10:00:00.123Z"),
    "a time in Arabic digits": changed(logged_at="\u0662026-11-21T10:00:00.123Z"),
    "a time with a newline": changed(logged_at="2026-11-21T10:00:00.123Z\n"),
    "half of a surrogate pair": changed(origin="\ud800"),
    "half of a pair in a disclosed value": changed(
        disclosures=[["path", "AAAA", ["\udfff"]]]
    ),
    "NaN": changed(index=float("nan")),
    "infinity": changed(index=float("inf")),
    "infinity, spelled as a number": format_receipt(FULL).replace(b"1.5", b"1e400"),
    "NaN in a disclosed value": format_receipt(FULL).replace(b"1.5", b"NaN"),
    "an integer of ten thousand digits": b'{"version":' + b"1" * 10_000 + b"}",
    "an array": b"[]",
    "text": b'"receipt"',
    "nesting": b"[" * 100_000,
    "nested objects": b'{"version":' * 100_000,
    "no JSON": b"receipt",
    "nothing": b"",
    "two receipts": format_receipt(SMALL) * 2,
    "a byte order mark": b"\xef\xbb\xbf" + format_receipt(SMALL),
    "UTF-16": format_receipt(SMALL).decode().encode("utf-16"),
    "invalid UTF-8": format_receipt(SMALL).replace(b"audit", b"\xff\xfe\xfd\xfc\xfb"),
    "eight megabytes": format_receipt(SMALL) + b" " * MAX_RECEIPT_SIZE,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedReceipt):
        parse_receipt(data)


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt("log", -1, bytes(32), (), b"note\n"),
        Receipt("log", 0, bytes(31), (), b"note\n"),
        Receipt("log", 0, bytes(32), (b"",), b"note\n"),
        Receipt("log", 0, bytes(32), (), b"\xff"),
        Receipt("\ud800", 0, bytes(32), (), b"note\n"),
        Receipt("log", 0, bytes(32), (), b"note\n", logged_at="now"),
        Receipt(
            "log",
            0,
            bytes(32),
            (),
            b"note\n",
            disclosures=(Disclosure("path", b"", float("nan")),),
        ),
        Receipt(
            "log",
            0,
            bytes(32),
            (),
            b"note\n",
            disclosures=(Disclosure("path", b"", ("a tuple", "reads back a list")),),
        ),
    ],
)
def test_what_would_not_read_back_is_not_written(receipt: Receipt) -> None:
    with pytest.raises(MalformedReceipt):
        format_receipt(receipt)


texts = st.text(st.characters(codec="utf-8"), max_size=20)
hashes = st.binary(min_size=32, max_size=32)
sizes = st.integers(0, 2**63 - 1)
proofs = st.lists(hashes, max_size=3).map(tuple)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=5,
).filter(lambda value: "inf" not in repr(value))
disclosures = st.lists(st.builds(Disclosure, texts, st.binary(), values), max_size=2)


@given(
    st.builds(
        Receipt,
        origin=texts,
        index=sizes,
        leaf_hash=hashes,
        inclusion_proof=proofs,
        checkpoint=texts.map(str.encode),
        logged_at=st.none() | st.just("2026-11-21T10:00:00.123Z"),
        entry=st.none() | st.binary(),
        event_id=st.none() | texts,
        disclosures=disclosures.map(tuple),
        consistency_proof=st.none() | st.builds(ConsistencyProof, sizes, proofs),
    )
)
def test_every_receipt_reads_back(receipt: Receipt) -> None:
    assert parse_receipt(format_receipt(receipt)) == receipt


json_texts = values.map(lambda value: json.dumps(value).encode())


@given(
    st.binary()
    | json_texts
    | st.tuples(st.sampled_from(sorted(MEMBERS)), values).map(
        lambda member: changed(**{member[0]: member[1]})
    )
)
def test_any_bytes_are_a_receipt_or_malformed(data: bytes) -> None:
    try:
        receipt = parse_receipt(data)
    except MalformedReceipt:
        return

    assert parse_receipt(format_receipt(receipt)) == receipt
