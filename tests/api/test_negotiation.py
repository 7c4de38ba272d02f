"""Accept and Accept-Encoding."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merklelog.api.negotiation import accepts_gzip, best_media_type
from merklelog.errors import NotAcceptable

OFFERS = ("application/json", "text/plain")


@given(st.text(max_size=200))
def test_no_header_breaks_negotiation(header: str) -> None:
    """Headers are the client's: any text is answered with an offer or a refusal."""
    accepts_gzip(header)
    with contextlib.suppress(NotAcceptable):
        assert best_media_type(header, OFFERS) in OFFERS


@pytest.mark.parametrize("quality", ["nan", "inf", "-1", "2", "1_0", "", "0.0001"])
def test_a_quality_that_is_none_excludes(quality: str) -> None:
    """RFC 9110 section 12.4.2: 0 to 1, three decimals."""
    assert not accepts_gzip(f"gzip;q={quality}")


def test_the_more_specific_range_wins() -> None:
    """RFC 9110 section 12.5.1."""
    header = "text/*;q=0.9, text/plain;q=0.1, */*;q=0.5"
    assert best_media_type(header, OFFERS) == "application/json"


def test_without_the_header_the_first_offer() -> None:
    """No preference."""
    assert best_media_type(None, OFFERS) == best_media_type("", OFFERS) == OFFERS[0]


def test_without_the_header_no_coding() -> None:
    """A client that does not name gzip may not decode it."""
    assert not accepts_gzip(None)
