"""Appending to a log and reading it: what `add` returns holds."""

import asyncio
from pathlib import Path

import pytest
from memorylog import ORIGIN, LogOnMemory
from reference.merkle import ReferenceTree

from merklelog.errors import (
    ConfigError,
    EntryTooLarge,
    LogReadOnly,
    MalformedEntry,
    NotFound,
    PoolFull,
    StorageFailed,
)
from merklelog.tlog import Log
from proofs.checkpoint import open_checkpoint
from proofs.merkle import verify_consistency, verify_inclusion


async def test_a_receipt_verifies_offline(on_memory: LogOnMemory) -> None:
    """The receipt of each entry leads to the root that the log signed."""
    entries = [b"one", b"two", b"three"]
    async with on_memory.open() as log:
        receipts = await log.add(entries)
    for receipt, entry in zip(receipts, entries, strict=True):
        on_memory.verify(receipt, entry)


async def test_receipts_of_every_commit_verify(on_memory: LogOnMemory) -> None:
    """However many entries came before, receipts verify under their own heads."""
    async with on_memory.open() as log:
        added: list[bytes] = []
        for count in (1, 1, 2, 5, 250, 1, 300, 3):
            batch = [f"{len(added) + i}".encode() for i in range(count)]
            receipts = await log.add(batch)
            added += batch
            for receipt, entry in zip(receipts, batch, strict=True):
                on_memory.verify(receipt, entry)
        await on_memory.check(log, added)


async def test_indexes_follow_the_order_of_submission(on_memory: LogOnMemory) -> None:
    """Entries of one submission are neighbours, submissions stay in order."""
    async with on_memory.open() as log:
        commitments = await asyncio.gather(
            *(log.add([b"%d.%d" % (i, j) for j in range(3)]) for i in range(50))
        )
        assert [c.first_index for c in commitments] == list(range(0, 150, 3))


async def test_what_waits_together_is_committed_together(
    on_memory: LogOnMemory,
) -> None:
    """Group commit: submissions that arrive during a write share the next one."""
    async with on_memory.open() as log:
        before = on_memory.store.commits
        await asyncio.gather(*(log.add([b"%d" % i]) for i in range(500)))

        assert on_memory.store.commits - before <= 2


async def test_equal_entries_get_separate_indexes(on_memory: LogOnMemory) -> None:
    """The log does not decide that a second equal event did not happen."""
    async with on_memory.open() as log:
        commitment = await log.add([b"same", b"same"])
        assert [receipt.index for receipt in commitment] == [0, 1]
        assert await log.reader.find(commitment.leaf_hashes[1], 2) == 0


async def test_a_lookup_by_hash_does_not_see_beyond_the_size(
    on_memory: LogOnMemory,
) -> None:
    """What is not in the tree asked about is not found in it."""
    async with on_memory.open() as log:
        commitment = await log.add([b"zero", b"one"])
        assert await log.reader.find(commitment.leaf_hashes[1], 1) is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 300])
async def test_proofs_read_from_tiles_are_those_of_the_rfc(
    on_memory: LogOnMemory, size: int
) -> None:
    """Inclusion and consistency proofs at any size, whatever the log's own size."""
    entries = [b"%d" % i for i in range(520)]
    tree = ReferenceTree(entries)
    async with on_memory.open() as log:
        for start in range(0, 520, 130):
            await log.add(entries[start : start + 130])
        assert await log.reader.root_at(size) == tree.root(size)
        for index in {0, size // 2, size - 1}:
            proof = await log.reader.inclusion_proof(index, size)
            assert proof == tree.inclusion(index, size)
        for new_size in (size, size + 1, 511, 512, 520):
            consistency = await log.reader.consistency_proof(size, new_size)
            verify_consistency(
                old_size=size,
                new_size=new_size,
                old_root=tree.root(size),
                new_root=tree.root(new_size),
                proof=consistency,
            )


async def test_a_receipt_read_later_verifies_under_the_newest_head(
    on_memory: LogOnMemory,
) -> None:
    """A receipt can be had again at any time, with a proof from a known size."""
    async with on_memory.open() as log:
        await log.add([b"%d" % i for i in range(300)])
        receipt = await log.reader.receipt(41, log.head, known=7)
        on_memory.verify(receipt, b"41")
        assert receipt.consistency_proof is not None
        verify_consistency(
            old_size=7,
            new_size=300,
            old_root=await log.reader.root_at(7),
            new_root=log.head.root_hash,
            proof=receipt.consistency_proof.hashes,
        )


async def test_nothing_is_proven_beyond_the_tree(on_memory: LogOnMemory) -> None:
    """An index or a size that the tree does not have is not found."""
    async with on_memory.open() as log:
        await log.add([b"zero"])
        with pytest.raises(NotFound):
            await log.reader.inclusion_proof(1, 1)
        with pytest.raises(NotFound):
            await log.reader.consistency_proof(2, 1)


async def test_an_empty_entry_is_refused_by_its_place(on_memory: LogOnMemory) -> None:
    """A bad entry refuses the batch, and is named."""
    async with on_memory.open() as log:
        with pytest.raises(MalformedEntry, match="entry 1: the entry is empty"):
            await log.add([b"good", b"", b"good"])
        assert log.head.size == 0


async def test_an_entry_may_have_65535_bytes_and_no_more(
    on_memory: LogOnMemory,
) -> None:
    """The limit is that of a bundle's u16."""
    async with on_memory.open() as log:
        await log.add([bytes(65_535)])
        with pytest.raises(EntryTooLarge, match="65536 bytes, the limit is 65535"):
            await log.add([bytes(65_536)])
        assert log.head.size == 1


async def test_a_full_pool_takes_nothing(on_memory: LogOnMemory) -> None:
    """Memory is bounded: what does not fit is refused as a whole."""
    async with on_memory.open(pool_bytes=10_000) as log:
        on_memory.store.hold_commits()
        waiting = log.submit([bytes(9_000)])
        with pytest.raises(PoolFull):
            _ = log.submit([b"%d" % i for i in range(10)])
        on_memory.store.release_commits()
        await waiting
        await on_memory.check(log, [bytes(9_000)])


async def test_a_cancelled_caller_does_not_undo_his_entries(
    on_memory: LogOnMemory,
) -> None:
    """Once in the pool, entries are committed even if nobody waits any more."""
    async with on_memory.open() as log:
        log.submit([b"abandoned"]).cancel()
        await log.add([b"after"])
        await on_memory.check(log, [b"abandoned", b"after"])


async def test_closing_commits_what_was_taken(on_memory: LogOnMemory) -> None:
    """An orderly stop loses nothing that is in the pool."""
    async with on_memory.open() as log:
        waiting = [log.submit([b"%d" % i]) for i in range(10)]
    assert [done.result().first_index for done in waiting] == list(range(10))


async def test_a_closed_log_takes_nothing(on_memory: LogOnMemory) -> None:
    """After the end an append fails at once instead of waiting for ever."""
    async with on_memory.open() as log:
        pass
    with pytest.raises(StorageFailed):
        _ = log.submit([b"late"])


async def test_a_frozen_log_takes_nothing_and_stays_frozen(
    on_memory: LogOnMemory,
) -> None:
    """Freezing is for good: it is stored with the log."""
    async with on_memory.open() as log:
        await log.add([b"last"])
        await log.freeze("retired")
        with pytest.raises(LogReadOnly, match="retired"):
            _ = log.submit([b"late"])
    async with on_memory.open() as log:
        assert log.state == "read_only"
        with pytest.raises(LogReadOnly, match="retired"):
            _ = log.submit([b"late"])
        await on_memory.check(log, [b"last"])


async def test_freezing_comes_after_what_was_taken(on_memory: LogOnMemory) -> None:
    """Entries in the pool when the log is frozen are still committed."""
    async with on_memory.open() as log:
        waiting = log.submit([b"taken before"])
        await log.freeze("retired")
        assert (await waiting).first_index == 0


async def test_every_checkpoint_is_consistent_with_the_last(
    on_memory: LogOnMemory,
) -> None:
    """No signed head ever takes back another."""
    async with on_memory.open() as log:
        heads = [log.head]
        for i in range(1, 40):
            commitment = await log.add([b"%d.%d" % (i, j) for j in range(i)])
            heads.append(commitment.head)
        for old in heads:
            proof = await log.reader.consistency_proof(old.size, log.head.size)
            verify_consistency(
                old_size=old.size,
                new_size=log.head.size,
                old_root=old.root_hash,
                new_root=log.head.root_hash,
                proof=proof,
            )


async def test_the_embedded_log_works_on_a_folder(tmp_path: Path) -> None:
    """Created when absent, opened when there; receipts verify with its public keys."""
    path = tmp_path / "audit-log"
    async with Log.open(path, origin=ORIGIN) as log:
        receipts = await log.add([b"first entry", b"second entry"])
    async with Log.open(path) as log:
        signed = open_checkpoint(receipts[1].checkpoint, log.keys.verifiers)
        verify_inclusion(
            index=1,
            size=signed.checkpoint.size,
            leaf_hash=receipts[1].leaf_hash,
            proof=receipts[1].inclusion_proof,
            root_hash=signed.checkpoint.root_hash,
        )
        assert await log.reader.entries(0, 2) == [b"first entry", b"second entry"]


async def test_without_an_origin_a_log_must_exist(tmp_path: Path) -> None:
    """A mistyped folder is an error, not a new log."""
    with pytest.raises(ConfigError, match="no log is here"):
        async with Log.open(tmp_path / "mistyped"):
            pass


async def test_a_log_of_another_origin_is_not_opened(tmp_path: Path) -> None:
    """Entries never go into somebody else's log by mistake."""
    async with Log.open(tmp_path / "main", origin=ORIGIN):
        pass
    with pytest.raises(ConfigError, match=r"not example\.com/other"):
        async with Log.open(tmp_path / "main", origin="example.com/other"):
            pass
