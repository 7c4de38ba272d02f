"""Bytes that are almost valid: seeds with bits flipped, pieces cut, copied, spliced."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

# What parsers of these formats stumble over: separators, ends, signs, other digits.
_TOKENS = [
    *(b"\n", b"\n\n", b"\r\n", b" ", b"\x00", b"\t", b"\xff", b"\x80", b"\xed\xa0\x80"),
    *(b"=", b"+", b"-", b"/", b",", b":", b";", b'"', b"\\", b"0", b"1", b"256"),
    *("— ".encode(), "\u2028".encode(), "٣".encode(), "\ufeff".encode()),
    *(b"[", b"]", b"{", b"}", b"[" * 2000, b"9" * 5000, b"NaN", b"1e999", b"null"),
    *(b"\\ud800", b"%2f", b"&", b"#", b"../", b"x000/", b".p/0", b"1" + b"0" * 19),
]


def _flip(data: bytes, _other: bytes, start: int, end: int) -> bytes:
    """Flip one bit."""
    changed = bytearray(data or b"\x00")
    changed[start % len(changed)] ^= 1 << end % 8
    return bytes(changed)


# From bytes, other bytes, and two places in the first, start <= end.
_CHANGES: list[Callable[[bytes, bytes, int, int], bytes]] = [
    _flip,
    # It ends early, or begins late.
    lambda data, _, __, end: data[:end],
    lambda data, _, start, __: data[start:],
    # A piece of it is missing, is there twice, is of another seed, or is new.
    lambda data, _, start, end: data[:start] + data[end:],
    lambda data, _, start, end: data[:end] + data[start:],
    lambda data, other, start, end: data[:start] + other[start:end] + data[end:],
    lambda data, other, start, _: data[:start] + other + data[start:],
]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Draw one of *seeds* after up to four changes."""
    data = draw(st.sampled_from(seeds))
    other = st.sampled_from(seeds) | st.sampled_from(_TOKENS) | st.binary(max_size=8)
    for change in draw(st.lists(st.sampled_from(_CHANGES), max_size=4)):
        place = st.integers(0, len(data))
        start, end = sorted((draw(place), draw(place)))
        data = change(data, draw(other), start, end)
    return data
