"""What a log says about itself: facts and figures, never a bare "fine"."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from merklelog.clock import format_time
from proofs.text import format_base64

from .log import Log


async def stats(log: Log) -> Mapping[str, object]:
    """Return facts and figures of *log*, as JSON values. Sizes are in bytes."""
    head = log.head
    return {
        "name": log.name,
        "origin": log.origin,
        "kind": log.config.kind,
        "state": log.state,
        "read_only": log.read_only,
        "size": head.size,
        "root_hash": format_base64(head.root_hash),
        "signed_at": format_time(head.timestamp),
        "published_size": log.published.size,
        "store_bytes": await asyncio.to_thread(_bytes_below, log.folder.store),
    }


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # LevelDB deletes files while we look.
            continue
    return total


def integrity(log: Log) -> Mapping[str, object]:
    """Return what has been checked of *log*, to which size and when, as JSON values.

    An opaque log checks its edge against the signed head when it is opened; the
    entries themselves are checked by `fsck`, and by those who read the log.
    """
    return {
        "state": log.state,
        "checked": "the edge of the tree against the signed checkpoint, when opened",
        "size": log.opened_head.size,
        "checked_at": format_time(log.opened_at),
        "entries_verified": None,
        "rollback_guard": log.guard_problem or "follows the log",
        "cosigned_by": [],
    }
