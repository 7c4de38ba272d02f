"""What the documentation shows as bytes of a log is what the code writes.

``UPDATE_DOCS=1 pytest tests/docs/test_shown_bytes.py`` writes the pages anew, for a
format that has changed on purpose.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from docs.pages import shown_bytes
from docs.workedlog import ENTRIES, ORIGIN, pin, worked_log

from proofs.checkpoint import open_checkpoint
from proofs.keys import parse_vkey
from proofs.receipt import Receipt, parse_receipt
from proofs.tlogproof import TlogProof, parse_tlog_proof
from proofs.verdict import Verdict, check_receipt

SHOWN = shown_bytes()


@pytest.fixture
async def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return everything that pages may show of the worked log."""
    pin(monkeypatch)
    return await worked_log(tmp_path / "main")


async def test_shown_bytes_are_what_the_code_writes(worked: Mapping[str, str]) -> None:
    """Every block of the worked log is in a page, and as the code writes it now."""
    if os.environ.get("UPDATE_DOCS"):
        for name, block in SHOWN.items():
            text = block.page.read_text("utf-8")
            start = text.index(f"<!-- bytes: {name} -->\n")
            fence = text.index("\n", text.index("```", start)) + 1
            end = text.index("```", fence)
            block.page.write_text(text[:fence] + worked[name] + text[end:], "utf-8")
        pytest.skip("the pages were written anew")

    assert {name: block.text for name, block in SHOWN.items()} == worked


def test_shown_receipts_verify() -> None:
    """A reader who copies receipt, proof and vkey from the pages can verify them."""
    verifiers = [parse_vkey(vkey) for vkey in SHOWN["log.vkey"].text.splitlines()]
    # A page breaks the one line of JSON after members, and indents what follows.
    receipts: list[tuple[Receipt | TlogProof, bytes]] = [
        (parse_receipt(SHOWN["receipt"].text.encode()), ENTRIES[2]),
        (parse_receipt(SHOWN["receipt of 1"].text.encode()), ENTRIES[1]),
        (parse_tlog_proof(SHOWN["tlog-proof"].text.encode()), ENTRIES[1]),
    ]

    for receipt, entry in receipts:
        finding = check_receipt(receipt, verifiers=verifiers, entry=entry)
        assert finding.verdict is Verdict.SELF_CONSISTENT


def test_shown_checkpoint_opens_with_the_shown_keys() -> None:
    """Both signature lines of the shown note verify, and carry the shown time."""
    verifiers = [parse_vkey(vkey) for vkey in SHOWN["log.vkey"].text.splitlines()]

    signed = open_checkpoint(SHOWN["checkpoint"].text.encode(), verifiers)

    assert signed.checkpoint.origin == ORIGIN
    assert len(signed.note.signatures) == 2
    assert SHOWN["tree head signature"].text.startswith(f"{signed.timestamp_ms:016x}")
