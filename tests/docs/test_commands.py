"""The commands that the documentation shows run, and print what it shows."""

from itertools import pairwise
from pathlib import Path

import pytest
from docs.pages import DOCS, PAGES, README, ROOT, Block, blocks
from docs.shell import matches, run_session


def commands(page: Path) -> list[Block]:
    """Return the blocks of commands of *page* that can run anywhere."""
    return [
        block
        for block in blocks(page)
        if block.language == "sh" and not block.note.startswith("not run: ")
    ]


WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.mark.parametrize(
    "page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT))
)
def test_commands_run(page: Path, tmp_path: Path) -> None:
    """All commands of a page succeed, one after the other, and print what is shown."""
    (tmp_path / "docs").symlink_to(DOCS)
    session = commands(page)

    printed = dict(zip(session, run_session(session, tmp_path), strict=True))

    for command, output in pairwise(blocks(page)):
        if command in printed and output.language == "text":
            assert matches(output.text, printed[command]), printed[command]


def test_readme_shows_what_is_run() -> None:
    """The README's commands are among those that are executed."""
    assert README in WITH_COMMANDS


def test_a_reason_is_given_for_what_is_not_run() -> None:
    """A block that is not executed says why."""
    notes = [
        block.note
        for page in PAGES
        for block in blocks(page)
        if block.language == "sh" and block.note
    ]

    assert all(note.removeprefix("not run: ").strip() for note in notes)
