"""Timestamps and their one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merklelog.clock import format_time, monotonic, now_ms, parse_time

LAST = 253_402_300_799_999


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_255_200_123, "2026-11-21T10:00:00.123Z"),
        (951_782_400_001, "2000-02-29T00:00:00.001Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_known_times(milliseconds: int, text: str) -> None:
    assert format_time(milliseconds) == text
    assert parse_time(text) == milliseconds


@given(st.integers(0, LAST))
def test_every_time_comes_back(milliseconds: int) -> None:
    assert parse_time(format_time(milliseconds)) == milliseconds


@pytest.mark.parametrize("milliseconds", [-1, LAST + 1, 1 << 63])
def test_times_outside_of_the_format_are_refused(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="time"):
        format_time(milliseconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21T10:00:00Z",
        "2026-11-21T10:00:00.123456Z",
        "2026-11-21T10:00:00.123+00:00",
        "2026-11-21 10:00:00.123Z",
        "2026-11-21t10:00:00.123z",
        "2026-11-21T10:00:00.123Z\n",
        "2026-02-30T10:00:00.123Z",
        "2026-11-21T24:00:00.000Z",
        "2026-11-21T10:00:60.000Z",
        "٢٠٢٦-11-21T10:00:00.123Z",
        "1969-12-31T23:59:59.999Z",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


def test_the_clock_is_in_milliseconds_of_this_century() -> None:
    assert parse_time("2024-01-01T00:00:00.000Z") < now_ms() < LAST


def test_the_monotonic_clock_does_not_go_back() -> None:
    assert monotonic() <= monotonic()
