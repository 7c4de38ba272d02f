"""``kill -9`` under load, again and again: nothing acknowledged is ever lost."""

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from crashclient import acknowledged
from serverprocess import ServerProcess, run_cli

from merklelog.storage.leveldb import LevelDBStore
from merklelog.tlog.fsck import fsck
from merklelog.tlog.keyfiles import load_vkeys
from merklelog.tlog.storesource import StoreSource
from proofs.checkpoint import open_checkpoint
from proofs.compact import CompactRange
from proofs.hashing import leaf_hash
from proofs.keys import PublicKey
from proofs.merkle import verify_inclusion
from proofs.receipt import parse_receipt
from proofs.text import parse_base64

KILLS = 50
CLIENTS = 3
ORIGIN = "example.com/crash"
CLIENT = Path(__file__).parent.parent / "crashclient.py"


class Auditor:
    """Holds what clients were told, and compares the log with it after each restart."""

    def __init__(self, verifiers: list[PublicKey]) -> None:
        self.verifiers = verifiers
        self.entries: list[bytes] = []
        """The log as it was last seen. It may grow, and nothing else."""
        self.tree = CompactRange()
        self.roots = {0: self.tree.root()}
        """The root at each size, derived from the entries."""
        self.receipts = 0

    def read_log(self, url: str) -> None:
        """Read on to the end of the log; derive the root of every size."""
        size = self.size_of(get(f"{url}/checkpoint"))
        while len(self.entries) < size:
            start = len(self.entries)
            page = json.loads(get(f"{url}/entries?start={start}&end={size}"))
            for entry in map(parse_base64, page["entries"]):
                self.entries.append(entry)
                self.tree.append(leaf_hash(entry))
                self.roots[self.tree.size] = self.tree.root()
        assert len(self.entries) == size

    def size_of(self, note: bytes) -> int:
        """Verify a checkpoint under the tree of the entries; return its size."""
        checkpoint = open_checkpoint(note, self.verifiers, origin=ORIGIN).checkpoint
        if checkpoint.size in self.roots:
            # Consistent with the newest: it is the root of a prefix of its entries.
            assert checkpoint.root_hash == self.roots[checkpoint.size]
        return checkpoint.size

    def check_acknowledged(self, file: Path) -> None:
        """Verify every receipt in *file*, and that its entry is where it says."""
        with file.open(encoding="utf-8") as lines:
            for entry, json_receipt in acknowledged(iter(lines)):
                receipt = parse_receipt(json_receipt)
                size = self.size_of(receipt.checkpoint)
                assert size <= len(self.entries)
                assert self.entries[receipt.index] == entry
                verify_inclusion(
                    index=receipt.index,
                    size=size,
                    leaf_hash=leaf_hash(entry),
                    proof=receipt.inclusion_proof,
                    root_hash=self.roots[size],
                )
                self.receipts += 1


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        body: bytes = response.read()
        return body


def load_and_kill(server: ServerProcess, files: list[Path], after: float) -> None:
    """Load *server* from several processes, and kill it *after* some seconds."""
    clients = [
        subprocess.Popen([sys.executable, CLIENT, server.log_url, file, file.stem])
        for file in files
    ]
    while not any(file.exists() and file.stat().st_size for file in files):
        assert server.process.poll() is None
        time.sleep(0.001)
    time.sleep(after)
    server.kill()
    for client in clients:
        assert client.wait(timeout=60) == 0


def check_store(data: Path, verifiers: list[PublicKey]) -> int:
    """Run fsck on the store that a killed server left; return the log's size."""

    async def check() -> int:
        store = await LevelDBStore.open(data / "main" / "store")
        try:
            report = await fsck(StoreSource(store, ORIGIN), verifiers, origin=ORIGIN)
        finally:
            await store.close()
        assert report.faults == []
        return report.checkpoint.size

    return asyncio.run(check())


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_by_fifty_kills(tmp_path: Path) -> None:
    """After each SIGKILL every receipt ever handed out verifies, and fsck is clean."""
    data = tmp_path / "logs"
    created = run_cli("init", "--data", data, "--origin", ORIGIN, "--kind", "opaque")
    assert created.returncode == 0, created.stderr
    auditor = Auditor(load_vkeys(data / "main"))
    chance = random.Random(2026)
    files: list[Path] = []
    for kill in range(KILLS + 1):
        with ServerProcess(data) as server:
            auditor.read_log(server.log_url)
            for file in files:
                auditor.check_acknowledged(file)
            if kill == KILLS:
                break
            files = [tmp_path / f"{kill}-{client}" for client in range(CLIENTS)]
            load_and_kill(server, files, chance.uniform(0, 0.3))
        assert check_store(data, auditor.verifiers) >= len(auditor.entries)
    assert auditor.receipts > KILLS * CLIENTS
