"""The records of a JSON document, each as the exact slice of its source.

A log proves bytes. A record that went through a parser and back may have lost a
duplicate member, the last digit of a number or the spelling of an escape, so the
parser here only finds where each record ends; the bytes are the document's own.
"""

import json
import re
from collections.abc import Generator, Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+')


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# Numbers stay text: only their extent is wanted, converting a long one is slow.
_decoder = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_refuse_constant
)


def record_slices(document: str) -> Iterator[str]:
    """Yield the elements of *document*, an array or an object with "Records".

    Raises:
        ValueError: not JSON (json.JSONDecodeError says where), or another shape.
        RecursionError: nested too deep.
    """
    at = _skip_space(document, 0)
    if document.startswith("[", at):
        end = yield from _array_slices(document, at)
    else:
        end = yield from _member_slices(document, at, "Records")
    end = _skip_space(document, end)
    if end != len(document):
        raise json.JSONDecodeError("Extra data", document, end)


def compact(slice_: str) -> str:
    """Return JSON text without white space between its tokens, which stay as they are.

    JSON strings hold no raw newline, so the result is a single line.
    """
    return _STRING_OR_SPACE.sub(lambda match: match[1] or "", slice_)


def _array_slices(document: str, at: int) -> Generator[str, None, int]:
    """Yield the elements of the array at *at*; return the offset after it."""
    at = _skip_space(document, at + 1)
    if document.startswith("]", at):
        return at + 1
    while True:
        _, end = _decoder.raw_decode(document, at)
        yield document[at:end]
        at, closed = _after_value(document, end, closing="]")
        if closed:
            return at


def _member_slices(document: str, at: int, wanted: str) -> Generator[str, None, int]:
    """Yield the elements of member *wanted* of the object at *at*; return its end."""
    found = False
    at = _expect(document, at, "{")
    closed = document.startswith("}", at)
    at += closed
    while not closed:
        if not document.startswith('"', at):
            raise json.JSONDecodeError("Expecting a member name", document, at)
        name, end = _decoder.raw_decode(document, at)
        at = _expect(document, _skip_space(document, end), ":")
        if name == wanted:
            if found or not document.startswith("[", at):
                raise ValueError(f'"{wanted}" is not one array')
            found = True
            end = yield from _array_slices(document, at)
        else:
            _, end = _decoder.raw_decode(document, at)
        at, closed = _after_value(document, end, closing="}")
    if not found:
        raise ValueError(
            f'one JSON object over several lines, without "{wanted}": put each record '
            "on a line of its own (jq -c . does)"
        )
    return at


def _after_value(document: str, end: int, *, closing: str) -> tuple[int, bool]:
    """Return the offset after a comma (False) or the *closing* bracket (True)."""
    at = _skip_space(document, end)
    if document.startswith(closing, at):
        return at + 1, True
    return _expect(document, at, ","), False


def _expect(document: str, at: int, token: str) -> int:
    if not document.startswith(token, at):
        raise json.JSONDecodeError(f"Expecting {token!r}", document, at)
    return _skip_space(document, at + 1)


def _skip_space(document: str, at: int) -> int:
    match = _SPACE.match(document, at)
    return match.end() if match else at
