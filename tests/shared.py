"""The one way from tests to data that lies beside the repository and not in it.

A clone alone has no such data: what needs it is skipped, and says so.
"""

from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def shared_files(pattern: str) -> list[Path]:
    """Return the files of the folder ``shared`` beside the repository, sorted.

    Skips the test that asks where the folder is absent. It fails where the folder is
    there without such files: then the pattern is wrong, and nothing would be tested.
    """
    if not _BESIDE.is_dir():
        pytest.skip(f"there is no folder shared beside the repository: {pattern}")
    files = sorted(_BESIDE.glob(pattern))
    assert files, f"{pattern}: there are no such files in the folder shared"
    return files
