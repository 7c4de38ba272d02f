"""The template of receipts against the library that defines them."""

from pathlib import Path

import pytest

from merklelog.api.receipts import ReceiptWriter
from merklelog.tlog.log import Log
from proofs.receipt import format_receipt


@pytest.mark.parametrize(
    "origin", ["example.com/audit", "bücher.example/λ", 'quo"ted\\back/slash', "日本"]
)
async def test_the_template_writes_what_the_library_writes(
    tmp_path: Path, origin: str
) -> None:
    """Byte for byte, whatever characters an origin has, at any size of the tree."""
    async with Log.open(tmp_path / "main", origin=origin) as log:
        writer = ReceiptWriter(log.origin)
        for count in (1, 1, 2, 300, 7):
            commitment = await log.add([b"%d" % i for i in range(count)])
            for offset, receipt in enumerate(commitment):
                assert writer.full(commitment, offset) == format_receipt(receipt)


async def test_a_writer_serves_commits_in_any_order(tmp_path: Path) -> None:
    """What it remembers of one commit never leaks into the receipt of another."""
    async with Log.open(tmp_path / "main", origin="example.com/audit") as log:
        writer = ReceiptWriter(log.origin)
        commits = [await log.add([b"%d" % i]) for i in range(5)]
        for commitment in (*commits, *reversed(commits), commits[2], commits[0]):
            assert writer.full(commitment, 0) == format_receipt(commitment[0])
