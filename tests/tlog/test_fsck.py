"""fsck: whatever was altered in a store is found, and every bad index is named."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from memorylog import ORIGIN, LogOnMemory

from merklelog.errors import CorruptStore
from merklelog.storage.interface import Batch
from merklelog.storage.keyspace import (
    HEAD_KEY,
    decode_segment,
    encode_segment,
    leaf_key,
    segment_key,
    tile_key,
)
from merklelog.storage.leveldb import LevelDBStore
from merklelog.storage.memory import MemoryStore
from merklelog.tlog import Log
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.fsck import Absent, Fault, Report, fsck
from merklelog.tlog.keyfiles import load_vkeys
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.storesource import StoreSource
from proofs.errors import UnverifiedNote
from proofs.hashing import leaf_hash
from proofs.tiles import Bundle, Tile

# Segment headers: when it was logged (not signed by anything), number of entries.
_LOGGED_AT = range(8)


def numbers(size: int) -> list[bytes]:
    return [b"entry %d" % i for i in range(size)]


async def fill(on_memory: LogOnMemory, size: int, *, batch: int = 100) -> None:
    """Make a log of *size* entries, in commits of *batch*."""
    async with on_memory.open() as log:
        for start in range(0, size, batch):
            await log.add(numbers(size)[start : start + batch])


async def check(on_memory: LogOnMemory) -> Report:
    return await fsck(StoreSource(on_memory.store, ORIGIN), on_memory.keys.verifiers)


def named(report: Report) -> set[int]:
    """Return the indexes that the report names, but for faults of the whole tree."""
    size = report.checkpoint.size
    return {
        index
        for fault in report.faults
        if (fault.start, fault.end) != (0, size) or "root" not in fault.what
        for index in range(fault.start, fault.end)
    }


def value(on_memory: LogOnMemory, key: bytes) -> bytes:
    return on_memory.store._values[key]


def flip(on_memory: LogOnMemory, key: bytes, place: int) -> None:
    """Flip one bit of what is stored."""
    data = bytearray(value(on_memory, key))
    data[place] ^= 1
    on_memory.plant(key, bytes(data))


def rewrite(on_memory: LogOnMemory, index: int, entry: bytes) -> None:
    """Put *entry* in the place of another, and leave everything else."""
    for key in on_memory.store._keys:
        if key[:1] == b"e":
            segment = decode_segment(key, value(on_memory, key))
            if 0 <= index - segment.first_index < segment.count:
                entries = segment.entries()
                entries[index - segment.first_index] = entry
                on_memory.plant(key, encode_segment(segment.logged_at, entries))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 600])
async def test_a_log_that_nobody_altered_is_clean(
    on_memory: LogOnMemory, size: int
) -> None:
    """At sizes around the borders of tiles."""
    await fill(on_memory, size)
    report = await check(on_memory)
    assert report.faults == []
    assert report.root_hash == report.checkpoint.root_hash


async def test_a_log_with_two_levels_of_full_tiles_is_clean(
    on_memory: LogOnMemory,
) -> None:
    """65,536 leaves and some: level 2 has its first hash."""
    await fill(on_memory, 66_000, batch=33_000)
    assert (await check(on_memory)).clean


async def test_every_flipped_byte_of_the_entries_is_found(
    on_memory: LogOnMemory,
) -> None:
    """And the index it belongs to is named."""
    await fill(on_memory, 5, batch=2)
    for key in [k for k in on_memory.store._keys if k[:1] == b"e"]:
        original = value(on_memory, key)
        segment = decode_segment(key, original)
        entry_of_byte = [segment.first_index] * 2
        for i, entry in enumerate(segment.entries(), segment.first_index):
            entry_of_byte += [i] * (2 + len(entry))
        for place in range(len(_LOGGED_AT), len(original)):
            flip(on_memory, key, place)
            report = await check(on_memory)
            assert entry_of_byte[place - len(_LOGGED_AT)] in named(report)
            on_memory.plant(key, original)
    assert (await check(on_memory)).clean


async def test_every_flipped_byte_of_the_tiles_is_found(on_memory: LogOnMemory) -> None:
    """In each level; the index of the leaf hash, or of a leaf below it, is named."""
    await fill(on_memory, 600)
    for level, index in [(0, 0), (0, 1), (0, 2), (1, 0)]:
        key = tile_key(level, index)
        original = value(on_memory, key)
        for place in range(0, len(original), 37 if level == 0 else 1):
            flip(on_memory, key, place)
            first = (index * 256 + place // 32) * 256**level
            assert first in named(await check(on_memory))
            on_memory.plant(key, original)
    assert (await check(on_memory)).clean


async def test_a_flipped_hash_in_level_2_is_found(on_memory: LogOnMemory) -> None:
    await fill(on_memory, 66_000, batch=33_000)
    flip(on_memory, tile_key(2, 0), 5)
    assert set(range(65_536)) <= named(await check(on_memory))


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 250), (10, 599)])
async def test_swapped_entries_are_found_and_both_named(
    on_memory: LogOnMemory, one: int, other: int
) -> None:
    """The log says what happened, and in which order."""
    await fill(on_memory, 600)
    rewrite(on_memory, one, b"entry %d" % other)
    rewrite(on_memory, other, b"entry %d" % one)
    assert named(await check(on_memory)) == {one, other}


async def test_every_bad_entry_is_named_and_no_other(on_memory: LogOnMemory) -> None:
    """One fault does not hide those behind it."""
    await fill(on_memory, 600)
    bad = {0, 1, 2, 17, 255, 256, 300, 511, 512, 599}
    for index in bad:
        rewrite(on_memory, index, b"forged")
    assert named(await check(on_memory)) == bad


async def test_neighbours_with_the_same_fault_are_reported_as_one(
    on_memory: LogOnMemory,
) -> None:
    """A lost disk does not fill the memory with its report."""
    await fill(on_memory, 600)
    for index in range(100, 500):
        rewrite(on_memory, index, b"forged")
    report = await check(on_memory)
    assert [(f.start, f.end) for f in report.faults] == [(100, 500)]


async def test_an_entry_forged_with_its_hashes_is_found_by_the_signed_root(
    on_memory: LogOnMemory,
) -> None:
    """Whoever rewrites everything that can be calculated cannot sign."""
    async with on_memory.open() as log:
        await log.add(numbers(3))
    head = value(on_memory, HEAD_KEY)
    on_memory.store = MemoryStore()
    on_memory.folder.guard.unlink()
    await on_memory.create()
    async with on_memory.open() as log:
        await log.add([b"entry 0", b"forged", b"entry 2"])
    on_memory.plant(HEAD_KEY, head)
    report = await check(on_memory)
    assert not report.clean
    assert report.root_hash != report.checkpoint.root_hash


async def test_a_deleted_segment_is_found(on_memory: LogOnMemory) -> None:
    """All of its entries are named."""
    await fill(on_memory, 600)
    on_memory.plant(segment_key(399), None)
    assert set(range(300, 400)) <= named(await check(on_memory))


async def test_segments_that_overlap_are_found(on_memory: LogOnMemory) -> None:
    """Two answers to what stands at an index are no answer."""
    await fill(on_memory, 10, batch=5)
    on_memory.plant(segment_key(9), encode_segment(1, numbers(10)[1:]))
    assert named(await check(on_memory)) >= {1, 2, 3, 4}


async def test_a_segment_with_a_wrong_count_is_found(on_memory: LogOnMemory) -> None:
    """It would shift every entry before its last."""
    await fill(on_memory, 10, batch=5)
    on_memory.plant(segment_key(9), encode_segment(1, [b"entry 5", *numbers(10)[5:]]))
    assert named(await check(on_memory)) >= {4, 5}


@pytest.mark.parametrize(("level", "index"), [(0, 0), (0, 1), (0, 2), (1, 0)])
async def test_a_deleted_tile_is_found(
    on_memory: LogOnMemory, level: int, index: int
) -> None:
    await fill(on_memory, 600)
    on_memory.plant(tile_key(level, index), None)
    assert not (await check(on_memory)).clean


@pytest.mark.parametrize("bytes_left", [0, 1, 32, 87 * 32, 88 * 32 - 1])
async def test_a_truncated_tile_is_found(
    on_memory: LogOnMemory, bytes_left: int
) -> None:
    await fill(on_memory, 600)
    on_memory.plant(tile_key(0, 2), value(on_memory, tile_key(0, 2))[:bytes_left])
    assert 599 in named(await check(on_memory))


@pytest.mark.parametrize("bytes_left", [0, 1, 9, 10, 100])
async def test_a_truncated_segment_is_found(
    on_memory: LogOnMemory, bytes_left: int
) -> None:
    await fill(on_memory, 600)
    key = segment_key(599)
    on_memory.plant(key, value(on_memory, key)[:bytes_left])
    assert set(range(512, 600)) <= named(await check(on_memory))


async def test_a_missing_index_key_is_found(on_memory: LogOnMemory) -> None:
    """An entry that is there, and cannot be looked up."""
    await fill(on_memory, 300)
    on_memory.plant(leaf_key(leaf_hash(b"entry 7"), 7), None)
    assert named(await check(on_memory)) == {7}


async def test_an_additional_index_key_is_found(on_memory: LogOnMemory) -> None:
    """It would have an entry that is not in the log found at the index of another."""
    await fill(on_memory, 300)
    on_memory.plant(leaf_key(leaf_hash(b"never logged"), 7), b"")
    assert named(await check(on_memory)) == {7}


async def test_an_index_key_with_a_wrong_index_is_found(on_memory: LogOnMemory) -> None:
    """Both the index that lost it and the one that it points to are named."""
    await fill(on_memory, 300)
    leaf = leaf_hash(b"entry 7")
    on_memory.plant(leaf_key(leaf, 7), None)
    on_memory.plant(leaf_key(leaf, 3), b"")
    assert named(await check(on_memory)) == {3, 7}


async def test_an_index_key_for_a_duplicate_that_is_none_is_found(
    on_memory: LogOnMemory,
) -> None:
    """The lowest index of an entry is what a lookup answers."""
    await fill(on_memory, 300)
    on_memory.plant(leaf_key(leaf_hash(b"entry 7"), 3), b"")
    assert named(await check(on_memory)) == {3}


async def test_equal_entries_are_no_fault(on_memory: LogOnMemory) -> None:
    """Each of them has a key of its own."""
    async with on_memory.open() as log:
        await log.add([b"same"] * 300)
    assert (await check(on_memory)).clean


async def test_a_head_that_was_put_back_is_found(on_memory: LogOnMemory) -> None:
    """An older signed checkpoint over a longer log hides what came after it."""
    await fill(on_memory, 300)
    older = value(on_memory, HEAD_KEY)
    async with on_memory.open() as log:
        await log.add([b"hidden"] * 300)
    on_memory.plant(HEAD_KEY, older)
    assert named(await check(on_memory)) == set(range(300, 600))


async def test_an_emptied_head_is_found(on_memory: LogOnMemory) -> None:
    """So does the checkpoint of the empty log."""
    empty = value(on_memory, HEAD_KEY)
    await fill(on_memory, 3)
    on_memory.plant(HEAD_KEY, empty)
    assert named(await check(on_memory)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        (segment_key(5), encode_segment(1, [b"beyond"])),
        (leaf_key(leaf_hash(b"beyond"), 5), b""),
        (tile_key(0, 1), bytes(32)),
        (tile_key(1, 0), bytes(32)),
        (tile_key(0, 0), bytes(32 * 6)),
        (b"l" + bytes(3), b""),
        (b"t\x00", b""),
    ],
)
async def test_what_is_beside_the_tree_is_found(
    on_memory: LogOnMemory, key: bytes, stored: bytes
) -> None:
    """Entries, index keys and tiles that no checkpoint covers are not from this log."""
    await fill(on_memory, 5)
    on_memory.plant(key, stored)
    assert not (await check(on_memory)).clean


async def test_a_log_that_grows_while_it_is_checked_is_clean(
    on_memory: LogOnMemory,
) -> None:
    """What is beyond the first checkpoint is covered by a later one."""
    async with on_memory.open() as log:
        await log.add(numbers(500))
        growing = _Growing(log)
        report = await fsck(growing, on_memory.keys.verifiers)
        assert (report.checkpoint.size, report.faults) == (500, [])
        assert log.head.size == 500 + 300 * 3 + 1


class _Growing(StoreSource):
    """The store of a log that takes more entries at each step of fsck."""

    def __init__(self, log: Log) -> None:
        super().__init__(log.store, log.origin)
        self._log = log

    async def bundle(self, bundle: Bundle) -> bytes:
        await self._log.add(numbers(300))
        return await super().bundle(bundle)

    async def strays(self, size: int) -> list[Fault]:
        await self._log.add(numbers(300))
        faults = await super().strays(size)
        await self._log.add(numbers(1))
        return faults


async def test_a_store_without_checkpoint_is_not_checked(
    on_memory: LogOnMemory,
) -> None:
    """It is never reported as clean."""
    on_memory.plant(HEAD_KEY, None)
    with pytest.raises(Absent):
        await check(on_memory)


async def test_a_checkpoint_of_another_key_is_not_believed(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """The verifiers are the reader's, whatever the folder says."""
    await fill(on_memory, 3)
    other = LogKeys.generate(tmp_path / "other", ORIGIN)
    with pytest.raises(UnverifiedNote):
        await fsck(StoreSource(on_memory.store, ORIGIN), other.verifiers)


class _Counting(StoreSource):
    """Notes how much is asked for at once."""

    def __init__(self, on_memory: LogOnMemory) -> None:
        super().__init__(on_memory.store, ORIGIN)
        self.most = 0

    async def index_faults(self, start: int, leaf_hashes: Sequence[bytes]) -> list[int]:
        self.most = max(self.most, len(leaf_hashes))
        return await super().index_faults(start, leaf_hashes)

    async def tile(self, tile: Tile) -> bytes:
        data = await super().tile(tile)
        self.most = max(self.most, len(data) // 32)
        return data


async def test_a_log_is_read_bundle_by_bundle(on_memory: LogOnMemory) -> None:
    """Memory does not grow with the log."""
    await fill(on_memory, 2000, batch=1000)
    source = _Counting(on_memory)
    await fsck(source, on_memory.keys.verifiers)
    assert source.most == 256


async def test_progress_ends_at_the_size(on_memory: LogOnMemory) -> None:
    await fill(on_memory, 600)
    steps: list[tuple[int, int]] = []
    await fsck(
        StoreSource(on_memory.store, ORIGIN),
        on_memory.keys.verifiers,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(256, 600), (512, 600), (600, 600)]


class _BadBlocks(MemoryStore):
    """A store of which some keys cannot be read, as where a checksum is wrong."""

    def __init__(self, store: MemoryStore, bad: set[bytes]) -> None:
        super().__init__()
        self._values, self._keys = store._values, store._keys
        self._bad = bad

    def _read(self, key: bytes) -> None:
        if key in self._bad:
            raise CorruptStore("checksum")

    async def get(self, key: bytes) -> bytes | None:
        self._read(key)
        return await super().get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def scan(
        self, start: bytes, end: bytes, *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        pairs = await super().scan(start, end, limit=limit)
        for key, _ in pairs:
            self._read(key)
        return pairs


async def test_blocks_that_cannot_be_read_do_not_end_the_check(
    on_memory: LogOnMemory,
) -> None:
    """What is behind them is checked as well, and all of it is named."""
    await fill(on_memory, 1200)
    bad = {segment_key(299), tile_key(0, 2), leaf_key(leaf_hash(b"entry 1100"), 1100)}
    rewrite(on_memory, 1199, b"forged")
    store = _BadBlocks(on_memory.store, bad)
    report = await fsck(StoreSource(store, ORIGIN), on_memory.keys.verifiers)
    unreadable_leaves = [f for f in report.faults if "what is stored" not in f.what]
    report.faults[:] = unreadable_leaves
    assert {*range(256, 300), *range(512, 768), 1100, 1199} <= named(report)


@pytest.mark.parametrize("seed", range(15))
async def test_random_damage_is_always_found(on_memory: LogOnMemory, seed: int) -> None:
    """Any value of entries, tiles and leaf index: altered, cut, or removed."""
    chance = random.Random(seed)
    await fill(on_memory, 600)
    keys = [key for key in on_memory.store._keys if key[:1] in {b"e", b"l", b"t"}]
    for _ in range(20):
        key = chance.choice(keys)
        original = value(on_memory, key)
        start = len(_LOGGED_AT) if key[:1] == b"e" else 0
        if key[:1] == b"l" or chance.random() < 0.3:
            on_memory.plant(key, None)
        elif chance.random() < 0.5:
            on_memory.plant(key, original[: chance.randrange(len(original))])
        else:
            flip(on_memory, key, chance.randrange(start, len(original)))
        assert not (await check(on_memory)).clean
        on_memory.plant(key, original)
    assert (await check(on_memory)).clean


async def test_on_leveldb_a_clean_log_is_clean_and_a_forged_entry_is_named(
    tmp_path: Path,
) -> None:
    """The store that users have, read without its private keys."""
    path = tmp_path / "main"
    async with Log.open(path, origin=ORIGIN) as log:
        for start in range(0, 600, 100):
            await log.add(numbers(600)[start : start + 100])
    verifiers = load_vkeys(path)
    store = await LevelDBStore.open(LogFolder.open(path).store)
    try:
        source = StoreSource(store, ORIGIN)
        assert (await fsck(source, verifiers)).faults == []
        found = await store.seek(segment_key(341))
        assert found is not None
        segment = decode_segment(*found)
        entries = segment.entries()
        entries[341 - segment.first_index] = b"forged"
        batch = Batch()
        batch.put(found[0], encode_segment(segment.logged_at, entries))
        await store.commit(batch)
        report = await fsck(StoreSource(store, ORIGIN), verifiers)
        assert named(report) == {341}
    finally:
        await store.close()
