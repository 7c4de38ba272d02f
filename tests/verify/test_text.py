"""One value has one spelling: strict decimals, base64, hex and lines."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.errors import MalformedError
from proofs.text import (
    DECIMAL_LIMIT,
    format_base64,
    parse_base64,
    parse_decimal,
    parse_hex,
    split_lines,
)

# Text that is nearly right is found by chance only in a small alphabet.
NEARLY_DECIMAL = st.text("0123456789+-_ e.\n\u00b2\u0664", max_size=24)
NEARLY_BASE64 = st.text("AQgw+/=-_ \n", max_size=24)
NEARLY_HEX = st.text("0aAfF \n", max_size=10)


@given(st.integers(0, DECIMAL_LIMIT - 1))
def test_a_decimal_round_trips(number: int) -> None:
    assert parse_decimal(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+1",
        "-1",
        "-0",
        "00",
        "042",
        " 42",
        "42 ",
        "42\n",
        "4_2",
        "1e3",
        "1.0",
        "0x10",
        "\u0664\u0662",
        "\u00b2",
        "9223372036854775808",  # 2^63
        "18446744073709551616",  # 2^64
        "9" * 5000,
    ],
)
def test_any_other_spelling_of_a_decimal_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_decimal(text)


def test_the_limit_of_a_decimal_is_exclusive() -> None:
    assert parse_decimal("255", below=256) == 255
    with pytest.raises(MalformedError, match="the limit is 255"):
        parse_decimal("256", below=256)


@given(st.text() | NEARLY_DECIMAL)
def test_whatever_parses_as_a_decimal_is_spelled_like_it(text: str) -> None:
    try:
        number = parse_decimal(text)
    except MalformedError:
        return
    assert str(number) == text


@given(st.binary())
def test_base64_round_trips(data: bytes) -> None:
    assert format_base64(data) == base64.b64encode(data).decode()
    assert parse_base64(format_base64(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "QQ",  # without padding
        "QR==",  # trailing bits: decodes as QQ==
        "QQ===",
        "QUJD\n",
        " QUJD",
        "QU JD",
        "QUJE!!",
        "A A==",
        "_-8=",  # the URL alphabet
        "\uff31\uff35\uff2a\uff24",
    ],
)
def test_any_other_spelling_of_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_base64(text)


def test_base64_of_another_length_than_wanted_is_refused() -> None:
    assert parse_base64("QUJD", length=3) == b"ABC"
    with pytest.raises(MalformedError, match="expected 32 bytes"):
        parse_base64("QUJD", length=32)


@given(st.text() | NEARLY_BASE64)
def test_whatever_parses_as_base64_is_spelled_like_it(text: str) -> None:
    try:
        data = parse_base64(text)
    except MalformedError:
        return
    assert format_base64(data) == text


@given(st.binary())
def test_hex_round_trips(data: bytes) -> None:
    assert parse_hex(data.hex(), length=len(data)) == data


@pytest.mark.parametrize("text", ["", "0", "0A", "0a ", "0a0b", "0x0a", "\u0660a"])
def test_any_other_spelling_of_one_byte_in_hex_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_hex(text, length=1)


@given(st.text() | NEARLY_HEX, st.integers(0, 4))
def test_whatever_parses_as_hex_is_spelled_like_it(text: str, length: int) -> None:
    try:
        data = parse_hex(text, length=length)
    except MalformedError:
        return
    assert data.hex() == text


@given(st.lists(st.text().filter(lambda line: "\n" not in line), min_size=1))
def test_lines_round_trip(lines: list[str]) -> None:
    """Nothing but LF ends a line: not CR, not U+2028, not NEL."""
    data = "".join(f"{line}\n" for line in lines).encode()

    assert split_lines(data) == lines


@pytest.mark.parametrize("data", [b"", b"line", b"a\nb", b"\xff\n", b"a\r"])
def test_text_without_a_last_newline_or_not_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        split_lines(data)


@given(st.binary())
def test_whatever_splits_into_lines_joins_to_the_same_bytes(data: bytes) -> None:
    try:
        lines = split_lines(data)
    except MalformedError:
        return
    assert "".join(f"{line}\n" for line in lines).encode() == data
