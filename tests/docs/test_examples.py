"""The example programs of the documentation run, and prove what they say."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from docs.pages import DOCS, PAGES, ROOT, Block, blocks, shown_bytes
from docs.workedlog import ENTRIES

EXAMPLES = DOCS / "examples"

PYTHON_BLOCKS = [
    block for page in PAGES for block in blocks(page) if block.language == "python"
]


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program with *folder* as the current one."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=lambda block: block.place)
def test_shown_python_runs(block: Block, tmp_path: Path) -> None:
    """Python that a page shows is a whole program, which ends well."""
    done = run(tmp_path, "-c", block.text)

    assert done.returncode == 0, done.stderr


def test_embedded_goes_on_where_it_ended(tmp_path: Path) -> None:
    """A second run of embedded.py opens the log that the first one made."""
    first = run(tmp_path, EXAMPLES / "embedded.py")
    second = run(tmp_path, EXAMPLES / "embedded.py")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "index 1 of example.com/audit" in first.stdout
    assert "index 3 of example.com/audit" in second.stdout


@pytest.fixture
def receipt(tmp_path: Path) -> list[str]:
    """Return the arguments of verify_receipt.py for the receipt in wire-format.md."""
    shown = shown_bytes()
    (tmp_path / "receipt.json").write_text(shown["receipt"].text, "utf-8")
    (tmp_path / "entry").write_bytes(ENTRIES[2])
    vkey = shown["log.vkey"].text.splitlines()[0]
    return [str(EXAMPLES / "verify_receipt.py"), "receipt.json", "entry", vkey]


def test_verify_receipt_accepts_a_true_one(tmp_path: Path, receipt: list[str]) -> None:
    """The shown receipt proves its entry."""
    done = run(tmp_path, *receipt)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SELF_CONSISTENT: the entry is at index 2 of")


def test_verify_receipt_refuses_another_entry(
    tmp_path: Path, receipt: list[str]
) -> None:
    """A receipt proves nothing about an entry that is not its own."""
    (tmp_path / "entry").write_bytes(ENTRIES[1])

    done = run(tmp_path, *receipt)

    assert done.returncode == 40
    assert done.stdout.startswith("INVALID: root mismatch")


def test_verify_receipt_refuses_another_key(tmp_path: Path, receipt: list[str]) -> None:
    """A checkpoint that the given key did not sign is not believed."""
    receipt[-1] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    done = run(tmp_path, *receipt)

    assert done.returncode == 40
    assert "no known key signed the note" in done.stdout


def test_verify_receipt_needs_proofs_alone() -> None:
    """The example imports the verification library and nothing of the server."""
    tree = ast.parse((EXAMPLES / "verify_receipt.py").read_text("utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }

    assert imported == {"pathlib", "proofs", "sys"}
