"""Submitting many records: batches, retries that cannot double, answers in order.

A batch carries an idempotency key of its own. When the connection is lost after the
server committed and before it answered, the same batch is posted again under the
same key, and the server answers with the indexes that it already gave.
"""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from proofs.hashing import leaf_hash
from proofs.text import format_base64

from .errors import BadAnswer, ServerProblem, Unreachable
from .http import LogClient

# A thousand entries a batch already reach the server's full rate; a smaller bound in
# bytes keeps one batch far below its default body limit (16 MiB).
MAX_BATCH_ENTRIES = 1_000
MAX_BATCH_BYTES = 4 * 1024 * 1024

_FIRST_DELAY = 0.1  # seconds
_LONGEST_DELAY = 10.0  # seconds

# Seconds for which a batch is tried again.
PATIENCE = 120.0

# The server has not taken the batch, or says so itself that it may be tried again.
_RETRY_CODES = frozenset({"pool_full", "storage_failed", "rate_limited"})


class Batch(NamedTuple):
    """Consecutive records of one run: *first* is the number (from 0) of the first."""

    first: int
    entries: list[bytes]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch that is durable in the log."""

    batch: Batch
    first_index: int
    duplicate: bool
    """Whether an earlier attempt had already appended it."""
    receipts: list[dict[str, object]]
    """One for each entry where receipts were asked for, else empty."""


def batches(records: Iterable[bytes]) -> Iterator[Batch]:
    """Cut *records* into batches of bounded number and bytes."""
    first, entries, size = 0, list[bytes](), 0
    for record in records:
        full = len(entries) == MAX_BATCH_ENTRIES or size + len(record) > MAX_BATCH_BYTES
        if entries and full:
            yield Batch(first, entries)
            first, entries, size = first + len(entries), [], 0
        entries.append(record)
        size += len(record)
    if entries:
        yield Batch(first, entries)


def encode_batch(entries: list[bytes]) -> tuple[str, bytes]:
    """Return the media type and body of a batch.

    NDJSON, except where an entry is not UTF-8 or holds a newline: then a CBOR
    sequence (RFC 8742) of byte strings.
    """
    body = b"\n".join(entries) + b"\n"
    if body.count(b"\n") == len(entries):
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return "application/x-ndjson", body
    return "application/cbor-seq", b"".join(map(_cbor_bytes, entries))


class Submitter:
    """One run of submissions to one log. Not for use by several tasks."""

    def __init__(
        self,
        client: LogClient,
        *,
        receipts: bool = False,
        concurrency: int = 1,
        patience: float = PATIENCE,
        on_retry: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Submit through *client*, up to *concurrency* batches at a time.

        With more than one at a time, the order of the records is kept within each
        batch only. *patience* is how long, in seconds, a batch is tried again.
        """
        self._client = client
        self._receipts = receipts
        self._concurrency = concurrency
        self._patience = patience
        self._on_retry = on_retry
        # Random, so that two runs over one file are two submissions of it.
        self._run = secrets.token_hex(16)

    async def submit(self, records: Iterable[bytes]) -> AsyncIterator[Accepted]:
        """Submit *records*; yield each batch, in order, once it is durable.

        Raises:
            ClientError: the batch that failed is the one after the last yielded.
        """
        flying: deque[asyncio.Task[Accepted]] = deque()
        try:
            for batch in batches(records):
                flying.append(asyncio.create_task(self._submit_batch(batch)))
                if len(flying) >= self._concurrency:
                    yield await flying.popleft()
            while flying:
                yield await flying.popleft()
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _submit_batch(self, batch: Batch) -> Accepted:
        """Post *batch* until it is accepted, refused for good, or out of patience."""
        content_type, body = encode_batch(batch.entries)
        clock = asyncio.get_running_loop()
        give_up_at = clock.time() + self._patience
        delay = _FIRST_DELAY
        while True:
            try:
                status, answer = await self._client.submit(
                    body,
                    content_type=content_type,
                    receipts="full" if self._receipts else "summary",
                    idempotency_key=f"{self._run}-{batch.first}",
                )
            except (Unreachable, ServerProblem) as error:
                pause = max(_retry_after(error), delay)
                if clock.time() + pause > give_up_at:
                    raise
                self._on_retry(str(error))
                # Jitter, so that clients that failed together do not return together.
                await asyncio.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311 - spreads load, protects nothing
                delay = min(2 * delay, _LONGEST_DELAY)
            else:
                return self._accepted(batch, status, answer)

    def _accepted(
        self, batch: Batch, status: int, answer: dict[str, object]
    ) -> Accepted:
        """Check that *answer* is about *batch*, as far as an answer can show that."""
        if answer.get("count") != len(batch.entries):
            raise BadAnswer(
                f"{self._client.url}: sent {len(batch.entries)} records, "
                f"the answer counts {answer.get('count')!r}"
            )
        receipts = answer.get("receipts", [])
        if not isinstance(receipts, list):
            raise BadAnswer(f"{self._client.url}: receipts are not a list")
        first_index = answer.get("first_index")
        if self._receipts:
            self._match_receipts(batch, receipts)
            first_index = receipts[0].get("index")
        if not isinstance(first_index, int):
            raise BadAnswer(f"{self._client.url}: the answer has no first_index")
        return Accepted(batch, first_index, status == 200, receipts)

    def _match_receipts(self, batch: Batch, receipts: list[object]) -> None:
        """Refuse receipts that are not those of the entries that were sent."""
        listed = [
            receipt.get("leaf_hash") if isinstance(receipt, dict) else None
            for receipt in receipts
        ]
        if listed != [format_base64(leaf_hash(entry)) for entry in batch.entries]:
            raise BadAnswer(
                f"{self._client.url}: the receipts are not those of the records sent"
            )


def _retry_after(error: Unreachable | ServerProblem) -> float:
    """Return the seconds to wait at least; raise *error* where trying is no use."""
    if isinstance(error, Unreachable):
        return 0.0
    if error.code not in _RETRY_CODES:
        raise error
    return error.retry_after or 0.0


def _cbor_bytes(entry: bytes) -> bytes:
    """Return *entry* as a CBOR byte string (RFC 8949 section 4.2.1)."""
    size = len(entry)
    if size < 24:
        return bytes([0x40 | size]) + entry
    if size < 1 << 8:
        return bytes([0x58, size]) + entry
    return b"\x59" + size.to_bytes(2, "big") + entry
