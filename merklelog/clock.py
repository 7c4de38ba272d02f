"""The time: the only place that asks the system for it, and that spells it.

A timestamp is an int of milliseconds since the Unix epoch, UTC, without leap seconds
(as in RFC 6962 section 3.2). Its text is RFC 3339 with exactly three decimals and a
``Z``: ``2026-11-21T10:00:00.123Z``.
"""

import re
import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# One spelling for each instant, so that equal times are equal texts.
_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def now_ms() -> int:
    """Return the wall-clock time in milliseconds. It may jump, even backwards."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return seconds since an arbitrary instant. Never goes back: for durations."""
    return time.monotonic()


def format_time(milliseconds: int) -> str:
    """Return *milliseconds* as ``2026-11-21T10:00:00.123Z``.

    Raises:
        ValueError: not between the years 1970 and 9999.
    """
    if milliseconds < 0:
        raise ValueError(f"a time before 1970: {milliseconds} ms")
    try:
        # Integers throughout: a float of seconds is off by a millisecond at times.
        instant = _EPOCH + milliseconds * _MILLISECOND
    except OverflowError as error:
        raise ValueError(f"a time after the year 9999: {milliseconds} ms") from error
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03}Z"


def parse_time(text: str) -> int:
    """Return the milliseconds of a text that `format_time` wrote.

    Raises:
        ValueError: any other spelling, no such day or time, or before 1970.
    """
    if not _TEXT.fullmatch(text):
        raise ValueError(f"not a time like 2026-11-21T10:00:00.123Z: {text[:32]!r}")
    milliseconds = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    if milliseconds < 0:
        raise ValueError(f"a time before 1970: {text}")
    return milliseconds
