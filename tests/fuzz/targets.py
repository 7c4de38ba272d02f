"""Every parser of bytes that others chose, each with what has to hold for any bytes.

A target is a function of bytes that raises only when a property is violated:

- only the documented errors escape the parser,
- what is accepted is written back as the same bytes, where the format is canonical,
- what is verified is true.

tests/fuzz/run.py searches for such bytes with coverage feedback, for as long as it
runs; test_fuzz_parsers.py for a moment, on every change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class Target(NamedTuple):
    """One parser."""

    fuzz_one: Callable[[bytes], None]
    seeds: Sequence[bytes]
    """Valid inputs: mutated, they come further than random bytes."""


@contextmanager
def only(*errors: type[Exception]) -> Iterator[None]:
    """Let a parser refuse its input with one of *errors*, and with nothing else."""
    try:
        yield
    except errors:
        pass


def all_targets() -> Mapping[str, Target]:
    """Return every target by its name."""
    # Imported here, so that run.py can have them instrumented first.
    from fuzz import clienttargets, configtargets, prooftargets, servertargets

    tables = prooftargets, servertargets, configtargets, clienttargets
    return {name: target for table in tables for name, target in table.TARGETS.items()}
