"""The layout of every key and value, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merklelog.errors import CorruptStore, NewerFormat
from merklelog.storage import keyspace
from merklelog.storage.keyspace import Idempotency, rewrites_history
from proofs.errors import MalformedTile

HASH = bytes(range(32))
U64 = st.integers(0, (1 << 64) - 1)


@pytest.mark.parametrize(
    ("key", "layout"),
    [
        (keyspace.segment_key(258), b"e" + bytes(6) + b"\x01\x02"),
        (keyspace.leaf_key(HASH, 3), b"l" + HASH + bytes(7) + b"\x03"),
        (keyspace.tile_key(2, 5), b"t\x02" + bytes(7) + b"\x05"),
        (keyspace.idempotency_key(HASH), b"i" + HASH),
        (keyspace.follower_key("séarch"), b"fs\xc3\xa9arch"),
        (keyspace.encode_format_version(), b"\x00\x00\x00\x01"),
        (keyspace.encode_next_index(7), bytes(7) + b"\x07"),
        (
            keyspace.encode_idempotency(HASH, 1, 2),
            HASH + bytes(7) + b"\x01" + bytes(7) + b"\x02",
        ),
        (
            keyspace.encode_segment(1, [b"a", b"bcd"]),
            bytes(7) + b"\x01" + b"\x00\x02" + b"\x00\x01a" + b"\x00\x03bcd",
        ),
    ],
)
def test_layouts_are_these_bytes(key: bytes, layout: bytes) -> None:
    assert key == layout


@given(U64, U64)
def test_the_order_of_keys_is_the_order_of_numbers(a: int, b: int) -> None:
    assert (keyspace.segment_key(a) < keyspace.segment_key(b)) == (a < b)
    assert (keyspace.tile_key(0, a) < keyspace.tile_key(0, b)) == (a < b)
    assert (keyspace.leaf_key(HASH, a) < keyspace.leaf_key(HASH, b)) == (a < b)


# -- format version ---------------------------------------------------------------


def test_the_version_that_is_written_is_read() -> None:
    keyspace.check_format_version(keyspace.encode_format_version())


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(NewerFormat, match=r"version 2.*up to 1: install"):
        keyspace.check_format_version(b"\x00\x00\x00\x02")


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00", b"\x01"])
def test_a_store_without_a_version_is_no_log(value: bytes | None) -> None:
    with pytest.raises(CorruptStore):
        keyspace.check_format_version(value)


# -- segments ---------------------------------------------------------------------


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=256), U64)
def test_segments_come_back(entries: list[bytes], logged_at: int) -> None:
    value = keyspace.encode_segment(logged_at, entries)
    segment = keyspace.decode_segment(keyspace.segment_key(1023), value)

    assert segment.entries() == entries
    assert (segment.first_index, segment.count) == (1024 - len(entries), len(entries))
    assert segment.logged_at == logged_at


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_segments_are_cut_at_multiples_of_256_only(first: int, count: int) -> None:
    entries = [b"%d" % n for n in range(first, first + count)]
    pieces = list(keyspace.split_segments(first, entries))

    assert [entry for _, piece in pieces for entry in piece] == entries
    for last_index, piece in pieces:
        assert piece[-1] == b"%d" % last_index
        assert (last_index + 1 - len(piece)) // 256 == last_index // 256
    assert all((last_index + 1) % 256 == 0 for last_index, _ in pieces[:-1])


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_the_range_of_segments_ends_with_the_bundle(start: int, count: int) -> None:
    """The last segment may end after the range, but within its bundle."""
    low, high = keyspace.segment_range(start, start + count)
    last = start + count - 1

    assert low == keyspace.segment_key(start)
    assert keyspace.segment_key(last // 256 * 256 + 255) < high
    assert high == keyspace.segment_key(last // 256 * 256 + 256)


def test_an_entry_that_has_no_place_in_a_bundle_is_refused() -> None:
    with pytest.raises(MalformedTile):
        keyspace.encode_segment(0, [bytes(65536)])


@pytest.mark.parametrize(
    "value",
    [
        b"",
        bytes(9),
        bytes(9) + b"\x01",  # one entry, and no bundle
        bytes(9) + b"\x01\x00\x02a",  # an entry cut off
        bytes(9) + b"\x01\x00\x01ab",  # a byte too many
        bytes(9) + b"\x00\x00\x01a",  # no entries, and a bundle
        bytes(9) + b"\x00",  # no entries at all
        bytes(9) + b"\x02\x00\x01a\x00\x01b",  # the first before index 0
    ],
)
def test_a_damaged_segment_is_corruption(value: bytes) -> None:
    with pytest.raises(CorruptStore):
        keyspace.decode_segment(keyspace.segment_key(0), value).entries()


@pytest.mark.parametrize("key", [b"h", b"e", b"e1234567", b"f12345678", b"e123456789"])
def test_another_key_is_not_a_segments(key: bytes) -> None:
    with pytest.raises(CorruptStore):
        keyspace.decode_segment(key, keyspace.encode_segment(0, [b"a"]))


# -- the others -------------------------------------------------------------------


def test_a_leaf_key_gives_its_index_for_its_own_hash_only() -> None:
    key = keyspace.leaf_key(HASH, 9)

    assert keyspace.index_of_leaf(key, HASH) == 9
    assert keyspace.index_of_leaf(key, bytes(32)) is None
    assert keyspace.index_of_leaf(key + b"\x00", HASH) is None
    assert keyspace.index_of_leaf(keyspace.tile_key(0, 0), HASH) is None


def test_a_tile_key_gives_level_and_index() -> None:
    assert keyspace.decode_tile_key(keyspace.tile_key(3, 70000)) == (3, 70000)
    with pytest.raises(CorruptStore):
        keyspace.decode_tile_key(b"t")


@given(st.binary(min_size=32, max_size=32), U64, U64)
def test_idempotency_values_come_back(digest: bytes, first: int, count: int) -> None:
    value = keyspace.encode_idempotency(digest, first, count)

    assert keyspace.decode_idempotency(value) == Idempotency(digest, first, count)


@given(U64)
def test_the_place_of_a_follower_comes_back(index: int) -> None:
    assert keyspace.decode_next_index(keyspace.encode_next_index(index)) == index


def test_damaged_values_are_corruption() -> None:
    with pytest.raises(CorruptStore, match="idempotency key's value has 47 bytes"):
        keyspace.decode_idempotency(bytes(47))
    with pytest.raises(CorruptStore):
        keyspace.decode_next_index(bytes(9))


# -- what is written once ---------------------------------------------------------

TILE = keyspace.tile_key(0, 0)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (keyspace.segment_key(0), b"a", b"b"),
        (keyspace.segment_key(0), b"a", None),
        (keyspace.leaf_key(HASH, 0), b"", b"x"),
        (keyspace.leaf_key(HASH, 0), b"", None),
        (keyspace.idempotency_key(HASH), b"a", b"b"),
        (TILE, bytes(32), b"x" * 64),  # another first hash
        (TILE, bytes(64), bytes(32)),  # narrower
        (TILE, bytes(8192), bytes(8224)),  # wider than a tile
        (TILE, bytes(32), None),
    ],
)
def test_history_is_not_rewritten(key: bytes, old: bytes, new: bytes | None) -> None:
    assert rewrites_history(key, old, new)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (keyspace.segment_key(0), b"a", b"a"),
        (TILE, bytes(32), bytes(64)),
        (TILE, bytes(8160), bytes(8192)),
        (keyspace.HEAD_KEY, b"a", b"b"),
        (keyspace.READ_ONLY_KEY, b"a", None),
        (keyspace.follower_key("x"), bytes(8), None),
    ],
)
def test_the_edge_moves(key: bytes, old: bytes, new: bytes | None) -> None:
    assert not rewrites_history(key, old, new)
