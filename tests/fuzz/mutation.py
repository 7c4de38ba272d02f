"""Bytes that are almost valid: seeds with bits flipped, pieces cut, copied, spliced."""

from collections.abc import Sequence

from hypothesis import strategies as st

# What parsers of these formats stumble over: separators, ends, signs, other digits.
_TOKENS = [
    *(b"\n", b"\n\n", b"\r\n", b" ", b"\x00", b"\t", b"\xff", b"\x80", b"\xed\xa0\x80"),
    *(b"=", b"+", b"-", b"/", b",", b":", b";", b'"', b"\\", b"0", b"1", b"256"),
    *("— ".encode(), "\u2028".encode(), "٣".encode(), "\ufeff".encode()),
    *(b"[", b"]", b"{", b"}", b"[" * 2000, b"9" * 5000, b"NaN", b"1e999", b"null"),
    *(
        b"\\ud800",
        b"%2f",
        b"&",
        b"#",
        b"../",
        b"x000/",
        b".p/0",
        b"18446744073709551616",
    ),
]


def _mutate(data: bytes, other: bytes, kind: int, places: list[int], bit: int) -> bytes:
    """Return *data* with one change at *places*, which are taken modulo its length."""
    start, end = sorted(place % (len(data) + 1) for place in places)
    match kind:
        case 0:  # One bit is flipped.
            changed = bytearray(data or b"\x00")
            changed[start % len(changed)] ^= 1 << bit
            return bytes(changed)
        case 1:  # It ends early, or
            return data[:end]
        case 2:  # begins late.
            return data[start:]
        case 3:  # A piece is missing,
            return data[:start] + data[end:]
        case 4:  # is there twice,
            return data[:end] + data[start:end] + data[end:]
        case 5:  # is of another seed,
            return data[:start] + other[start:end] + data[end:]
        case _:  # or is new.
            return data[:start] + other + data[start:]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Draw one of *seeds* after up to four changes."""
    data = draw(st.sampled_from(seeds))
    other = st.sampled_from(seeds) | st.sampled_from(_TOKENS) | st.binary(max_size=8)
    place = st.integers(0, 1 << 14)
    for _ in range(draw(st.integers(0, 4))):
        data = _mutate(
            data,
            draw(other),
            draw(st.integers(0, 6)),
            draw(st.lists(place, min_size=2, max_size=2)),
            draw(st.integers(0, 7)),
        )
    return data
