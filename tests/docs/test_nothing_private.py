"""Nothing of the machines on which the project is made is in its files."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.pages import ROOT

# Spelled in parts, so that this file is clean itself.
_FORBIDDEN = {
    "the path of somebody's machine": r"(?<![\w.])/(?:home|Users|root|wor" + r"k)/\w",
    "a private host": r"https?://[\w.-]+\.(?:internal|local|lan|corp)\b",
    "a package index": r"(?:--(?:extra-)?index-|PIP_INDEX_)" + r"(?:url|URL)",
    "work left for later": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
    "somebody's key": r"PRIVATE\+KEY\+(?!example)[^+\s]+\+[0-9a-f]{8}\+A",
}

# Vectors are other people's files, kept as they were published.
_FOREIGN = ROOT / "tests" / "vectors"


def files() -> Iterator[Path]:
    """Yield the text files of the repository, or of what was unpacked of it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a checkout: which files belong to it is not known")
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and not path.is_relative_to(_FOREIGN):
            yield path


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_the_repository_has_nothing_private(what: str) -> None:
    """No file of the repository has it, in its name or its text."""
    pattern = re.compile(_FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files()
        for match in [pattern.search(path.read_text("utf-8", errors="replace"))]
        if match
    ]

    assert found == []


def test_the_top_level_is_fixed() -> None:
    """Beside dot files, the top level has what the owner of the project fixed."""
    tops = {path.relative_to(ROOT).parts[0] for path in files()}

    assert {top for top in tops if not top.startswith(".")} == {
        *("pyproject.toml", "README.md", "LICENSE"),
        *("merklelog", "proofs", "tests", "benchmarks", "deploy", "docs"),
    }
