"""Deterministic CBOR."""

from proofs.cbor import encode_map


def test_members_are_ordered_by_their_encoded_keys() -> None:
    """RFC 8949 section 4.2.1: bytewise, so 10, 100, -1, and not by length first."""
    encoded = encode_map({-1: 1, 100: 2, 10: 3})

    assert encoded == bytes.fromhex("a3 0a03 186402 2001")


def test_the_order_of_the_argument_does_not_matter() -> None:
    assert encode_map({1: b"a", 2: "b"}) == encode_map({2: "b", 1: b"a"})


def test_values_have_their_shortest_form() -> None:
    assert encode_map({1: 24, 2: b"\x00"}) == bytes.fromhex("a2 01 1818 02 4100")
