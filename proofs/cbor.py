"""Deterministic CBOR (RFC 8949 section 4.2.1): one value has one encoding.

::

    {1: 2, -1: 1}  →  a2  01 02  20 01

The only module of this library that uses `cbor2`.
"""

from collections.abc import Mapping

import cbor2


def encode_map(members: Mapping[int, int | bytes | str]) -> bytes:
    """Return a map with integer keys, its members ordered by their encoded keys."""
    # cbor2's own canonical mode orders as RFC 7049 did: shorter keys first.
    ordered = sorted(members.items(), key=lambda member: cbor2.dumps(member[0]))
    return cbor2.dumps(dict(ordered))
