"""A log against a list: whatever happens to it, it holds what it acknowledged.

Each walk is a seeded sequence of appends, failing commits, crashes at any moment,
orderly restarts and damaged guards, and after each step the log is compared with what
its users were told.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from memorylog import ORIGIN, LogOnMemory

from merklelog.errors import StorageFailed
from merklelog.tlog import Commitment, Log
from proofs.checkpoint import open_checkpoint
from proofs.merkle import verify_consistency


class Walk:
    """A log on a memory store, and everything that its users know."""

    def __init__(self, on_memory: LogOnMemory, seed: int) -> None:
        self.chance = random.Random(seed)
        self.on_memory = on_memory
        self.acknowledged: dict[int, bytes] = {}
        """What receipts were given for, by index."""
        self.checkpoints: list[bytes] = []
        """Every signed head that was ever seen outside."""
        self.submitted = 0

    def batch(self) -> list[bytes]:
        count = self.chance.choice([1, 1, 1, 2, 3, 40, 255, 256, 257])
        self.submitted += 1
        return [b"%d.%d" % (self.submitted, i) for i in range(count)]

    async def append(self, log: Log) -> None:
        """Submit a few batches at once, and note what is acknowledged."""
        batches = [self.batch() for _ in range(self.chance.randrange(1, 5))]
        outcomes = await asyncio.gather(
            *(log.add(batch) for batch in batches), return_exceptions=True
        )
        for batch, outcome in zip(batches, outcomes, strict=True):
            if isinstance(outcome, Commitment):
                self.note(batch, outcome)
            else:
                assert isinstance(outcome, StorageFailed)

    def note(self, batch: list[bytes], commitment: Commitment) -> None:
        for index, entry in enumerate(batch, commitment.first_index):
            assert index not in self.acknowledged
            self.acknowledged[index] = entry
        offset = self.chance.randrange(len(batch))
        self.on_memory.verify(commitment[offset], batch[offset])
        self.checkpoints.append(commitment.head.note)

    async def fail(self, log: Log) -> None:
        """Append with commits that fail, stored or not."""
        for _ in range(self.chance.randrange(1, 3)):
            self.on_memory.store.fail_next_commit(persisted=self.chance.random() < 0.5)
        await self.append(log)
        await self.in_service(log)

    async def crash(self, log: Log) -> None:
        """Find the log as a new process does, after a kill within a commit."""
        store = self.on_memory.store
        store.hold_commits()
        appending = asyncio.create_task(self.append(log))
        for _ in range(self.chance.randrange(10)):
            await asyncio.sleep(0)
        if self.chance.random() < 0.7:
            store.release_commits()
        for _ in range(self.chance.randrange(200)):
            await asyncio.sleep(0)
        # What was acknowledged until now is all that has to survive.
        died_with = store.restarted()
        known = dict(self.acknowledged), list(self.checkpoints)
        store.release_commits()
        await appending
        self.acknowledged, self.checkpoints = known
        self.on_memory.store = died_with

    async def in_service(self, log: Log) -> None:
        async with asyncio.timeout(20):
            while log.state == "recovering":
                await asyncio.sleep(0.005)

    async def check(self, log: Log) -> None:
        """Compare the log with what its users know."""
        entries = await log.reader.entries(0, log.head.size)
        for index, entry in self.acknowledged.items():
            assert entries[index] == entry
        await self.on_memory.check(log, entries)
        for note in self.checkpoints[-5:]:
            await self.check_consistent(log, note)
        for index in self.chance.sample(range(len(entries)), min(3, len(entries))):
            receipt = await log.reader.receipt(index, log.head)
            self.on_memory.verify(receipt, entries[index])

    async def check_consistent(self, log: Log, note: bytes) -> None:
        verifiers = self.on_memory.keys.verifiers
        seen = open_checkpoint(note, verifiers, origin=ORIGIN).checkpoint
        head = log.head
        verify_consistency(
            old_size=seen.size,
            new_size=head.size,
            old_root=seen.root_hash,
            new_root=head.root_hash,
            proof=await log.reader.consistency_proof(seen.size, head.size),
        )


@pytest.mark.parametrize("seed", range(12))
async def test_a_log_holds_what_it_acknowledged_whatever_happens(
    on_memory: LogOnMemory, seed: int
) -> None:
    """Through appends, failing disks, kills and restarts in any order."""
    walk = Walk(on_memory, seed)
    for _ in range(5):
        guard = on_memory.folder.guard
        guard_when_killed: bytes | None = None
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(on_memory.open())
            await walk.check(log)
            for _ in range(walk.chance.randrange(1, 6)):
                await walk.chance.choice([walk.append, walk.append, walk.fail])(log)
                await walk.check(log)
            if walk.chance.random() < 0.5:
                guard_when_killed = guard.read_bytes()
                await walk.crash(log)
        if guard_when_killed is not None:
            Path(guard).write_bytes(guard_when_killed)
