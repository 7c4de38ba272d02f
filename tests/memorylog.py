"""A log on the memory store, and a check of everything that it promises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from reference.merkle import ReferenceTree

from merklelog.config import LogConfig
from merklelog.storage.memory import MemoryStore
from merklelog.tlog.folder import LogFolder, first_commit
from merklelog.tlog.fsck import fsck
from merklelog.tlog.guard import write_guard
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.log import DEFAULT_POOL_BYTES, Log
from merklelog.tlog.storesource import StoreSource
from proofs.checkpoint import open_checkpoint
from proofs.merkle import verify_inclusion
from proofs.receipt import Receipt

ORIGIN = "example.com/audit"


class LogOnMemory:
    """The parts of a log, which survive its being closed and opened again."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.folder = LogFolder(path, LogConfig(origin=ORIGIN, kind="opaque"))
        self.keys = LogKeys.generate(path, ORIGIN)
        self.store = MemoryStore()

    async def create(self) -> None:
        batch, head = first_commit(self.keys, ORIGIN)
        await self.store.commit(batch)
        write_guard(self.folder.guard, head)

    @asynccontextmanager
    async def open(self, *, pool_bytes: int = DEFAULT_POOL_BYTES) -> AsyncIterator[Log]:
        """Open the log on what the store holds now, as a new process would."""
        self.store = self.store.restarted()
        async with Log.on_store(
            self.store, self.folder, self.keys, pool_bytes=pool_bytes
        ) as log:
            yield log

    def plant(self, key: bytes, value: bytes | None) -> None:
        """Alter the store behind the log's back, as who holds the disk can."""
        self.store._values.pop(key, None)
        if value is not None:
            self.store._values[key] = value
        self.store._keys = sorted(self.store._values)

    def verify(self, receipt: Receipt, entry: bytes) -> None:
        """Verify *receipt* as its holder would, offline."""
        signed = open_checkpoint(receipt.checkpoint, self.keys.verifiers, origin=ORIGIN)
        verify_inclusion(
            index=receipt.index,
            size=signed.checkpoint.size,
            leaf_hash=ReferenceTree([entry]).leaves[0],
            proof=receipt.inclusion_proof,
            root_hash=signed.checkpoint.root_hash,
        )

    async def check(self, log: Log, entries: list[bytes]) -> None:
        """Insist that the log holds exactly *entries*, and that everything matches."""
        assert await log.reader.entries(0, log.head.size) == entries
        assert log.head.root_hash == ReferenceTree(entries).root(len(entries))
        report = await fsck(StoreSource(self.store, ORIGIN), self.keys.verifiers)
        assert report.faults == []
        assert report.checkpoint.size == len(entries)
