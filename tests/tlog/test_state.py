"""Opening a log: what is not certainly its own store is refused."""

from pathlib import Path

import pytest
from memorylog import ORIGIN, LogOnMemory

from merklelog.config import LogConfig
from merklelog.errors import CorruptStore, FatalError, MissingStore, NewerFormat
from merklelog.storage.keyspace import (
    HEAD_KEY,
    READ_ONLY_KEY,
    VERSION_KEY,
    tile_key,
)
from merklelog.storage.memory import MemoryStore
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.state import contains, load_state
from proofs.note import Note, format_note, parse_note


async def refused(on_memory: LogOnMemory, error: type[Exception], match: str) -> None:
    """Insist that the log is not opened, and that nothing was written."""
    before = dict(on_memory.store._values)
    with pytest.raises(error, match=match):
        async with on_memory.open():
            pass
    assert on_memory.store._values == before


async def fill(on_memory: LogOnMemory, size: int) -> None:
    async with on_memory.open() as log:
        await log.add([b"%d" % i for i in range(size)])


async def test_a_log_whose_keys_were_replaced_is_not_opened(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """Its checkpoints would no longer verify with the key that its users have."""
    on_memory.keys = LogKeys.generate(tmp_path / "other", ORIGIN)
    await refused(on_memory, FatalError, "put back the folder's own")


@pytest.mark.parametrize("kept", [0, 1])
async def test_a_log_of_which_one_key_was_replaced_is_not_opened(
    on_memory: LogOnMemory, kept: int
) -> None:
    """A head that only one of the two keys signed is not this log's."""
    head = parse_note(on_memory.store._values[HEAD_KEY])
    note = format_note(Note(head.text, (head.signatures[kept],)))
    on_memory.plant(HEAD_KEY, note)
    await refused(on_memory, FatalError, "a key was replaced")


async def test_a_store_of_another_log_is_not_opened(
    on_memory: LogOnMemory, tmp_path: Path
) -> None:
    """Two folders whose stores were mixed up stay as they are."""
    other = tmp_path / "another"
    on_memory.keys = LogKeys.generate(other, "example.com/other")
    on_memory.folder = LogFolder(other, LogConfig(origin="example.com/other"))
    await refused(on_memory, FatalError, "not one of example.com/other")


async def test_a_store_of_a_newer_release_is_not_opened(on_memory: LogOnMemory) -> None:
    """It may have keys that this release would break."""
    on_memory.plant(VERSION_KEY, (2).to_bytes(4, "big"))
    await refused(on_memory, NewerFormat, "format version 2")


async def test_an_empty_store_is_not_an_empty_log(on_memory: LogOnMemory) -> None:
    """A store that lost everything never starts again from zero."""
    on_memory.store = MemoryStore()
    await refused(on_memory, MissingStore, "log restore")


async def test_a_store_that_lost_its_head_is_not_opened(on_memory: LogOnMemory) -> None:
    """Nor one that lost what says how far it goes."""
    await fill(on_memory, 3)
    on_memory.plant(HEAD_KEY, None)
    await refused(on_memory, CorruptStore, "no checkpoint")


async def test_a_store_that_lost_its_version_is_not_opened(
    on_memory: LogOnMemory,
) -> None:
    """It is not known how to read the rest."""
    on_memory.plant(VERSION_KEY, None)
    await refused(on_memory, CorruptStore, "no format version")


async def test_a_head_that_is_no_checkpoint_is_refused(on_memory: LogOnMemory) -> None:
    """Whatever stands there is verified before it is used."""
    on_memory.plant(HEAD_KEY, b"garbage")
    await refused(on_memory, FatalError, "put back")


@pytest.mark.parametrize("size", [1, 3, 255, 256, 257, 600])
async def test_a_log_that_lost_a_tile_of_its_edge_is_not_opened(
    on_memory: LogOnMemory, size: int
) -> None:
    """What cannot be proven cannot be extended."""
    await fill(on_memory, size)
    level, index = (0, size // 256) if size % 256 else (1, 0)
    on_memory.plant(tile_key(level, index), None)
    await refused(on_memory, CorruptStore, "lacks hashes")


async def test_a_freeze_whose_reason_is_unreadable_is_still_a_freeze(
    on_memory: LogOnMemory,
) -> None:
    """The reason is for people, that it is there is for the log."""
    on_memory.plant(READ_ONLY_KEY, b"\xff")
    async with on_memory.open() as log:
        assert log.state == "read_only"


async def test_a_freeze_without_reason_is_still_a_freeze(
    on_memory: LogOnMemory,
) -> None:
    """Empty is not absent."""
    async with on_memory.open() as log:
        await log.freeze("")
        assert log.state == "read_only"
    async with on_memory.open() as log:
        assert log.state == "read_only"


async def test_a_log_contains_each_of_its_heads_and_no_other(
    on_memory: LogOnMemory,
) -> None:
    """At sizes around the borders of tiles."""
    heads = []
    async with on_memory.open() as log:
        for size in (0, 1, 2, 255, 256, 257, 511, 512, 513, 600):
            if size:
                await log.add([b"%d" % i for i in range(log.head.size, size)])
            heads.append(log.head)
    store = on_memory.store.restarted()
    state = await load_state(store, on_memory.keys.verifiers, ORIGIN)
    for head in heads:
        assert await contains(state, store, head)
        if head.size:
            other = type(head)(head.size, bytes(32), head.note, head.timestamp)
            assert not await contains(state, store, other)
