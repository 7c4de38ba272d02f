"""Strict decimals, base64, hex and lines: the only place that parses them.

Python's own parsers accept several spellings of one value (``int("4_2")``,
``b64decode("QR==")``, ``splitlines`` on U+2028). Whoever signs or hashes text has
to know that one value has one spelling, so each parser here re-encodes what it
read and compares.
"""

import base64
import binascii

from .errors import MalformedError

# Sizes and timestamps of C2SP formats stay below 2^63 (tlog-checkpoint,
# tlog-cosignature), so that they fit the signed integers of other languages.
DECIMAL_LIMIT = 1 << 63

# Longest decimal below 2^63. Bounds the text before int() sees it: converting is
# quadratic in the number of digits.
_DECIMAL_DIGITS = 19


def parse_decimal(text: str, *, below: int = DECIMAL_LIMIT) -> int:
    """Return the number that *text* spells in ASCII decimal.

    No sign, no leading zero, no space, no underscore, no other digits than 0-9.

    Raises:
        MalformedError: for any other spelling, or a number not below *below*.
    """
    if len(text) > _DECIMAL_DIGITS or not (text.isascii() and text.isdecimal()):
        raise MalformedError(f"not a decimal number: {text[:32]!r}")
    number = int(text)
    if str(number) != text:
        raise MalformedError(f"a decimal number with leading zeros: {text!r}")
    if number >= below:
        raise MalformedError(f"number too large: {text}, the limit is {below - 1}")
    return number


def parse_base64(text: str, *, length: int | None = None) -> bytes:
    """Return the bytes that *text* encodes in padded base64 (RFC 4648 section 4).

    Raises:
        MalformedError: not the canonical encoding, or not *length* bytes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"not base64: {text[:32]!r}") from error
    # b64decode ignores non-zero trailing bits: "QR==" decodes as "QQ==" does.
    if base64.b64encode(data).decode("ascii") != text:
        raise MalformedError(f"base64 that is not canonical: {text[:32]!r}")
    if length is not None and len(data) != length:
        raise MalformedError(f"expected {length} bytes in base64, got {len(data)}")
    return data


def format_base64(data: bytes) -> str:
    """Return *data* in padded base64 (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def parse_hex(text: str, *, length: int) -> bytes:
    """Return the *length* bytes that *text* spells in lowercase hex.

    Raises:
        MalformedError: another length, upper case, or no hex at all.
    """
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedError(f"not hex: {text[:32]!r}") from error
    # fromhex skips white space and accepts upper case.
    if len(data) != length or data.hex() != text:
        raise MalformedError(f"expected {2 * length} lowercase hex digits")
    return data


def split_lines(data: bytes) -> list[str]:
    """Split UTF-8 *data* into its lines, each of which ends in LF.

    The inverse of joining with a final newline: nothing is stripped.

    Raises:
        MalformedError: not UTF-8, or the last line does not end in LF.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("not UTF-8") from error
    if not text.endswith("\n"):
        raise MalformedError("the last line does not end in a newline")
    return text[:-1].split("\n")
