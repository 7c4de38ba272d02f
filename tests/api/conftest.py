"""Fixtures of the HTTP tests: a served log on LevelDB."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from apiserver import Api, serving

from merklelog.tlog.log import Log

ORIGIN = "example.com/audit"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    """Return an empty log on LevelDB."""
    async with Log.open(tmp_path / "main", origin=ORIGIN) as opened:
        yield opened


@pytest.fixture
async def api(log: Log) -> AsyncIterator[Api]:
    """Return that log, served."""
    async with serving(log) as served:
        yield served
