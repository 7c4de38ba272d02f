"""Content negotiation (RFC 9110 section 12): Accept and Accept-Encoding."""

import re
from collections.abc import Sequence

from merklelog.errors import NotAcceptable

# More ranges than this say nothing that a client means; the rest is not looked at.
_MOST_RANGES = 32

# RFC 9110 section 12.4.2.
_QVALUE = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


def best_media_type(accept: str | None, offers: Sequence[str]) -> str:
    """Return the one of *offers* that the Accept header prefers; the first on a tie.

    Raises:
        NotAcceptable: the header excludes all of them.
    """
    if not accept:
        return offers[0]
    ranges = _weights(accept)
    weights = [_media_weight(offer, ranges) for offer in offers]
    best = max(weights)
    if best <= 0:
        raise NotAcceptable(f"served here: {', '.join(offers)}")
    return offers[weights.index(best)]


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Tell whether the Accept-Encoding header allows gzip.

    Without the header any coding is allowed by the letter; a client that does not
    name gzip may all the same not decode it, so only a named one counts.
    """
    codings = _weights(accept_encoding or "")
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _media_weight(offer: str, ranges: dict[str, float]) -> float:
    """Return the weight of *offer*: that of the most specific range that covers it."""
    family = offer.split("/", maxsplit=1)[0]
    for candidate in (offer, f"{family}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0


def _weights(header: str) -> dict[str, float]:
    """Return the elements of a list header with their weights, ``;q=`` or 1."""
    weights = {}
    for element in header.split(",")[:_MOST_RANGES]:
        name, *attributes = element.split(";")
        weight = 1.0
        for attribute in attributes:
            key, _, value = attribute.strip().partition("=")
            if key.lower() == "q":
                weight = _weight(value)
        if name.strip():
            weights[name.strip().lower()] = weight
    return weights


def _weight(text: str) -> float:
    """Return a qvalue, 0 to 1; one that is none excludes the element."""
    return float(text) if _QVALUE.fullmatch(text) else 0.0
