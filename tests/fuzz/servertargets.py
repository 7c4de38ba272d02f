"""What the server reads: requests of anybody, and its own store and key files."""

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from fuzz.prooftargets import ORIGIN, VKEYS
from fuzz.targets import Target, check_round_trip
from multidict import CIMultiDict
from yarl import URL

from merklelog.api.bodies import media_type, split_ndjson
from merklelog.api.cborsequence import decode_byte_strings, encode_byte_strings
from merklelog.api.negotiation import accepts_gzip, best_media_type
from merklelog.api.parameters import (
    optional_number,
    parse_flag,
    parse_hash,
    read_parameters,
    required_number,
)
from merklelog.api.submit import parse_idempotency_key, parse_options
from merklelog.errors import (
    BodyTooLarge,
    CorruptStore,
    MalformedEntry,
    MalformedRequest,
    NewerFormat,
    NotAcceptable,
    NoWitnessPolicy,
    UnsupportedMediaType,
)
from merklelog.storage import keyspace
from merklelog.tlog.keyfiles import (
    format_skey,
    format_vkeys,
    parse_skey,
    parse_sth_key,
    parse_vkeys,
)
from proofs.errors import MalformedError, MalformedKey

if TYPE_CHECKING:
    from aiohttp import web

LIMIT = 8


def fuzz_ndjson(data: bytes) -> None:
    """The lines are the body: nothing is stripped, nothing is added."""
    try:
        lines = split_ndjson(data, limit=LIMIT)
    except (MalformedEntry, BodyTooLarge):
        return
    assert len(lines) <= LIMIT
    assert b"\n".join(lines) in {data, data.removesuffix(b"\n")}
    assert not any(b"\n" in line for line in lines)
    data.decode("utf-8")


def fuzz_cbor_sequence(data: bytes) -> None:
    try:
        strings = decode_byte_strings(data, limit=LIMIT)
    except (MalformedEntry, BodyTooLarge):
        return
    assert len(strings) <= LIMIT
    # Longer ones are for the log to refuse, and nothing writes them.
    if max(map(len, strings), default=0) < 1 << 16:
        assert encode_byte_strings(strings) == data


def fuzz_query(data: bytes) -> None:
    """Each parameter is read in one spelling, or the request is refused."""
    text = data.decode("latin-1")
    query = URL.build(path="/", query_string=text, encoded=True).query
    request = cast("web.Request", SimpleNamespace(query=query))
    with suppress(MalformedRequest):
        read_parameters(request, ("index", "hash", "size"))
    with suppress(MalformedRequest):
        assert str(required_number(query, "index")) == query["index"]
    with suppress(MalformedRequest):
        number = optional_number(query, "size")
        assert (number is None) == ("size" not in query)
    with suppress(MalformedRequest):
        assert len(parse_hash(query.get("hash", ""))) == 32
    with suppress(MalformedRequest):
        assert parse_flag(query, "entry") == (query.get("entry") == "true")
    with suppress(MalformedRequest, NoWitnessPolicy):
        parse_options(query, receipt="full")


def fuzz_headers(data: bytes) -> None:
    """The values of those headers that are read, one a line."""
    # As aiohttp does: what is no UTF-8 comes as surrogates.
    text = data.decode("utf-8", "surrogateescape")
    names = ("Content-Type", "Accept", "Accept-Encoding", "Idempotency-Key")
    headers = CIMultiDict(zip(names, text.split("\n"), strict=False))
    request = cast("web.BaseRequest", SimpleNamespace(headers=headers))
    with suppress(UnsupportedMediaType):
        media_type(request)
    with suppress(NotAcceptable):
        offers = ("application/json", "text/plain")
        assert best_media_type(headers.get("Accept"), offers) in offers
    accepts_gzip(headers.get("Accept-Encoding"))
    with suppress(MalformedRequest):
        assert parse_idempotency_key(request) == headers.get("Idempotency-Key")


def fuzz_segment(data: bytes) -> None:
    """A key of 9 bytes, and the value under it."""
    key, value = data[:9], data[9:]
    try:
        segment = keyspace.decode_segment(key, value)
        entries = segment.entries()
    except CorruptStore:
        return
    ((last, whole),) = keyspace.split_segments(segment.first_index, entries)
    assert keyspace.segment_key(last) == key
    assert keyspace.encode_segment(segment.logged_at, whole) == value


def fuzz_store_keys(data: bytes) -> None:
    """The other keys and values of a store."""
    check_round_trip(
        keyspace.decode_leaf_key,
        lambda leaf: keyspace.leaf_key(*leaf),
        data,
        CorruptStore,
    )
    check_round_trip(
        keyspace.decode_tile_key,
        lambda tile: keyspace.tile_key(*tile),
        data,
        CorruptStore,
    )
    check_round_trip(
        keyspace.decode_idempotency,
        lambda known: keyspace.encode_idempotency(
            known.fingerprint, known.first_index, known.count
        ),
        data,
        CorruptStore,
    )
    check_round_trip(
        keyspace.decode_next_index, keyspace.encode_next_index, data, CorruptStore
    )
    index = keyspace.index_of_leaf(data, bytes(32))
    assert index is None or keyspace.leaf_key(bytes(32), index) == data
    with suppress(CorruptStore, NewerFormat):
        keyspace.check_format_version(data)
        assert data == keyspace.encode_format_version()


def fuzz_skey(data: bytes) -> None:
    check_round_trip(
        lambda data: parse_skey(data, ORIGIN),
        lambda key: format_skey(ORIGIN, key),
        data,
        MalformedError,
    )


def fuzz_vkey_file(data: bytes) -> None:
    check_round_trip(parse_vkeys, format_vkeys, data, MalformedError)


def fuzz_pem(data: bytes) -> None:
    """The reading of PEM is cryptography's; any error of it has to be caught."""
    with suppress(MalformedKey):
        parse_sth_key(data)


_SKEY = format_skey(
    ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
)
_PEMS = [
    ec.derive_private_key(7, curve).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for curve in (ec.SECP256R1(), ec.SECP384R1())
]

TARGETS = {
    "ndjson": Target(fuzz_ndjson, [b'{"a":1}\n{"b":"\xc3\xa9"}\r\n', b"x\n\ny"]),
    "cbor-sequence": Target(
        fuzz_cbor_sequence,
        [encode_byte_strings([b"one", b"", bytes(30), bytes(300)])],
    ),
    "query": Target(
        fuzz_query,
        [
            b"index=5&size=13",
            b"hash=" + bytes(32).hex().encode() + b"&size=1",
            b"hash=" + b"A" * 43 + b"=&size=1",
            b"wait=sequenced&receipt=full&timeout=10&leaf_hashes=true&entry=true",
        ],
    ),
    "headers": Target(
        fuzz_headers,
        [
            b"\n".join(
                [
                    b'application/x-ndjson; charset="utf-8"',
                    b"text/plain;q=0.5, application/*;q=0.1, */*;q=0",
                    b"gzip;q=1.000, identity, *;q=0",
                    b"order 17",
                ]
            )
        ],
    ),
    "segment": Target(
        fuzz_segment,
        [
            keyspace.segment_key(last) + keyspace.encode_segment(2026, entries)
            for last, entries in ((0, [b"x"]), (258, [b"one", b"", b"three"]))
        ],
    ),
    "store-keys": Target(
        fuzz_store_keys,
        [
            keyspace.leaf_key(bytes(32), 7),
            keyspace.tile_key(1, 7),
            keyspace.encode_idempotency(bytes(32), 7, 2),
            keyspace.encode_next_index(7),
            keyspace.encode_format_version(),
        ],
    ),
    "skey": Target(fuzz_skey, [_SKEY]),
    "vkey-file": Target(fuzz_vkey_file, ["".join(f"{v}\n" for v in VKEYS).encode()]),
    "pem": Target(fuzz_pem, _PEMS),
}
