"""Query parameters and index numbers, read strictly.

A parameter that is unknown or given twice is refused by name: one that were ignored
could be a limit or a condition that the client believes in.
"""

from collections.abc import Collection, Mapping, Sequence

from aiohttp import web

from merklelog.errors import MalformedRequest
from proofs.errors import MalformedError
from proofs.text import parse_base64, parse_decimal, parse_hex

_HEX_DIGITS = 64
_HASH_SIZE = 32


def read_parameters(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """Return the query parameters of *request*.

    Raises:
        MalformedRequest: one of them is not *known*, or is there twice.
    """
    query = request.query
    if not query:
        return {}
    for name in query:
        if name not in known:
            raise MalformedRequest(f"unknown parameter {name[:64]!r}", field=name[:64])
        if len(query.getall(name)) > 1:
            raise MalformedRequest(f"parameter {name} is given twice", field=name)
    return query


def parse_number(text: str, *, field: str) -> int:
    """Return the number that *text* spells in decimal; *field* names it in errors.

    Raises:
        MalformedRequest: it is not one below 2^63, without sign or leading zeros.
    """
    try:
        return parse_decimal(text)
    except MalformedError as error:
        raise MalformedRequest(f"{field}: {error}", field=field) from error


def optional_number(parameters: Mapping[str, str], name: str) -> int | None:
    """Return the number that parameter *name* spells, or None where it is absent."""
    text = parameters.get(name)
    return None if text is None else parse_number(text, field=name)


def required_number(parameters: Mapping[str, str], name: str) -> int:
    """Return the number that parameter *name* spells.

    Raises:
        MalformedRequest: it is absent, or no number.
    """
    number = optional_number(parameters, name)
    if number is None:
        raise MalformedRequest(f"parameter {name} is missing", field=name)
    return number


def one_of(parameters: Mapping[str, str], name: str, values: Sequence[str]) -> str:
    """Return parameter *name*, one of *values*; the first where it is absent.

    Raises:
        MalformedRequest: it is another.
    """
    value = parameters.get(name, values[0])
    if value not in values:
        raise MalformedRequest(
            f"{name} is one of {', '.join(values)}; not {value[:32]!r}", field=name
        )
    return value


def parse_flag(parameters: Mapping[str, str], name: str) -> bool:
    """Return whether parameter *name* is ``true``; absent means ``false``.

    Raises:
        MalformedRequest: it is neither ``true`` nor ``false``.
    """
    return one_of(parameters, name, ("false", "true")) == "true"


def parse_hash(text: str, *, field: str = "hash") -> bytes:
    """Return the 32-byte hash that *text* spells: 64 hex digits or 44 of base64.

    Raises:
        MalformedRequest: it is neither.
    """
    try:
        if len(text) == _HEX_DIGITS:
            return parse_hex(text, length=_HASH_SIZE)
        # A "+" that the client did not escape arrives as the space it stands for.
        return parse_base64(text.replace(" ", "+"), length=_HASH_SIZE)
    except MalformedError as error:
        raise MalformedRequest(f"{field}: {error}", field=field) from error
