"""Every parser of bytes that others chose, each with what has to hold for any bytes.

A target is a function of bytes that raises only when a property is violated:

- only the documented errors escape the parser,
- what is accepted is written back as the same bytes, where the format is canonical,
- what is verified is true.

tests/fuzz/run.py searches for such bytes with coverage feedback, for as long as it
runs; test_fuzz_parsers.py for a moment, on every change.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")
V = TypeVar("V")


class Target(NamedTuple):
    """One parser."""

    fuzz_one: Callable[[bytes], None]
    seeds: Sequence[bytes]
    """Valid inputs: mutated, they come further than random bytes."""


def check_round_trip(
    parse: Callable[[T], V], write: Callable[[V], T], data: T, *errors: type[Exception]
) -> None:
    """Require *data* to be refused with one of *errors*, or written back the same."""
    try:
        value = parse(data)
    except errors:
        return
    assert write(value) == data


def all_targets() -> Mapping[str, Target]:
    """Return every target by its name."""
    # Imported here, so that run.py can have them instrumented first.
    from fuzz import clienttargets, configtargets, prooftargets, servertargets

    tables = prooftargets, servertargets, configtargets, clienttargets
    return {name: target for table in tables for name, target in table.TARGETS.items()}
