"""Fixtures of the log's tests."""

from pathlib import Path

import pytest
from memorylog import LogOnMemory


@pytest.fixture
async def on_memory(tmp_path: Path) -> LogOnMemory:
    """Return an empty log on a memory store, not open yet."""
    parts = LogOnMemory(tmp_path / "main")
    await parts.create()
    return parts
