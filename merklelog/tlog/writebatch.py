"""The one write that makes a commit durable. Layouts: `merklelog.storage.keyspace`."""

from collections.abc import Sequence

from merklelog.storage.interface import Batch
from merklelog.storage.keyspace import (
    HEAD_KEY,
    READ_ONLY_KEY,
    encode_idempotency,
    encode_segment,
    idempotency_key,
    leaf_keys,
    segment_key,
    split_segments,
    tile_key,
)

from .head import Head
from .integrate import Integration
from .pool import Submission


def write_batch(
    integration: Integration,
    head: Head,
    entries: Sequence[bytes],
    submissions: Sequence[Submission],
    *,
    read_only: str | None,
) -> Batch:
    """Return the write of a commit: all of it is stored, or nothing.

    *entries* are those of *submissions*, in order. With *read_only*, the reason, the
    log is frozen by the same write.
    """
    batch = Batch()
    first_index = integration.before.size
    for last_index, segment in split_segments(first_index, entries):
        batch.put(segment_key(last_index), encode_segment(head.timestamp, segment))
    if integration.runs:
        batch.put_keys(leaf_keys(first_index, integration.runs[0].hashes))
    for tile, data in integration.tiles:
        batch.put(tile_key(tile.level, tile.index), data)
    _put_idempotency(batch, first_index, submissions)
    if read_only is not None:
        batch.put(READ_ONLY_KEY, read_only.encode("utf-8"))
    batch.put(HEAD_KEY, head.note)
    return batch


def _put_idempotency(
    batch: Batch, first_index: int, submissions: Sequence[Submission]
) -> None:
    """Add the idempotency keys: they are stored with their entries or not at all."""
    for submission in submissions:
        count = len(submission.entries)
        if record := submission.idempotency:
            batch.put(
                idempotency_key(record.digest),
                encode_idempotency(record.fingerprint, first_index, count),
            )
        first_index += count
