"""CBOR sequences of byte strings against a general implementation."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merklelog.api.cborsequence import decode_byte_strings, encode_byte_strings
from merklelog.errors import MalformedEntry

LISTS = st.lists(st.binary(max_size=70) | st.binary(min_size=250, max_size=260))


@given(LISTS)
def test_what_is_encoded_is_what_cbor2_encodes(strings: list[bytes]) -> None:
    """Byte strings have one shortest spelling."""
    assert encode_byte_strings(strings) == b"".join(map(cbor2.dumps, strings))


@given(LISTS)
def test_what_is_encoded_is_decoded(strings: list[bytes]) -> None:
    """The round trip."""
    assert decode_byte_strings(encode_byte_strings(strings), limit=1000) == strings


@given(st.binary(max_size=300))
def test_what_is_decoded_has_no_other_spelling(data: bytes) -> None:
    """Whatever is accepted re-encodes to itself; all else is refused."""
    try:
        strings = decode_byte_strings(data, limit=1000)
    except MalformedEntry:
        return
    assert encode_byte_strings(strings) == data


@pytest.mark.parametrize("length", [0, 23, 24, 255, 256, 65535])
def test_lengths_at_the_borders_of_the_heads(length: int) -> None:
    """Each head takes over exactly where the one before ends."""
    assert encode_byte_strings([bytes(length)]) == cbor2.dumps(bytes(length))


def test_a_length_of_four_bytes_is_read() -> None:
    """An oversize item is read, so that it can be named."""
    assert decode_byte_strings(cbor2.dumps(bytes(65536)), limit=1) == [bytes(65536)]
