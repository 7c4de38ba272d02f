"""The pages of the documentation, and the blocks in them that tests look at.

A fenced block is what its language says. An HTML comment on the line above it tells
tests more: ``<!-- bytes: NAME -->`` is one of `docs.workedlog`, and
``<!-- not run: REASON -->`` keeps a block of commands from being executed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"

PAGES = [README, *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """One fenced block of a page."""

    page: Path
    line: int
    """Of its opening fence, from 1: where a failing test points."""
    language: str
    note: str
    """The comment above it, without its brackets; often empty."""
    text: str

    @property
    def place(self) -> str:
        """The page and line, to be shown."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of *page*, in order."""
    text = page.read_text("utf-8")
    for match in _BLOCK.finditer(text):
        note = match["note"] or ""
        line = text.count("\n", 0, match.start()) + 1 + bool(note)
        yield Block(page, line, match["language"], note, match["text"])


def shown_bytes() -> dict[str, Block]:
    """Return every block that shows bytes of the worked log, by its name."""
    found: dict[str, Block] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.note.startswith("bytes: "):
                found[block.note.removeprefix("bytes: ")] = block
    return found
