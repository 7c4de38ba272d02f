"""Idempotency: a submission that is sent twice is taken once.

A key is stored in the same atomic write as its entries, and never expires. While its
first use is under way the key is *pending* here, and a second use waits for the
outcome: at no instant can two submissions of one key both find it unused.
"""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from merklelog.errors import IdempotencyConflict, PoolFull
from merklelog.storage.interface import Store
from merklelog.storage.keyspace import decode_idempotency, idempotency_key

from .commitment import Commitment, Replay
from .pool import IdempotencyRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def idempotency_record(
    writer: str, key: str, entries: Sequence[bytes]
) -> IdempotencyRecord:
    """Return what is stored for *key* of *writer* with this content.

    Lengths go in before what they count, so that no two writers share a digest and
    no two lists of entries a fingerprint.
    """
    digest = sha256()
    for part in (writer.encode("utf-8"), key.encode("utf-8")):
        digest.update(len(part).to_bytes(8, "big") + part)
    fingerprint = sha256(len(entries).to_bytes(8, "big"))
    for entry in entries:
        fingerprint.update(len(entry).to_bytes(8, "big") + entry)
    return IdempotencyRecord(digest.digest(), fingerprint.digest())


class PendingKeys:
    """The idempotency keys whose first use is under way. Owned by the event loop."""

    def __init__(self, store: Store, *, limit: int) -> None:
        """Let submissions of at most *limit* bytes wait for keys that are pending."""
        self._store = store
        self._limit = limit
        self._pending: dict[bytes, asyncio.Event] = {}
        # Bytes of the submissions that wait: the pool does not count them yet.
        self._waiting = 0

    @asynccontextmanager
    async def claim(self, digest: bytes, *, weight: int) -> "AsyncIterator[Claim]":
        """Hold the key of *digest* alone; wait while somebody else does.

        The claim ends with the block, unless it was handed over to a submission.
        *weight* is what the waiting submission holds, in bytes.

        Raises:
            PoolFull: too much is waiting for keys already.
        """
        if digest in self._pending:
            await self._wait(digest, weight)
        claim = Claim(self._pending, digest)
        try:
            yield claim
        finally:
            claim.release_unless_handed_over()

    async def _wait(self, digest: bytes, weight: int) -> None:
        if self._waiting and self._waiting + weight > self._limit:
            raise PoolFull(limit=self._limit)
        self._waiting += weight
        try:
            while holder := self._pending.get(digest):
                await holder.wait()
        finally:
            self._waiting -= weight

    async def find(self, record: IdempotencyRecord) -> Replay | None:
        """Return the earlier submission with the key of *record*, or None.

        Raises:
            IdempotencyConflict: the key was used for other content.
        """
        value = await self._store.get(idempotency_key(record.digest))
        if value is None:
            return None
        stored = decode_idempotency(value)
        if stored.fingerprint != record.fingerprint:
            raise IdempotencyConflict(
                "this Idempotency-Key was used before, for other content, at index "
                f"{stored.first_index}"
            )
        return Replay(stored.first_index, stored.count)


class Claim:
    """One use of an idempotency key, while it is under way."""

    def __init__(self, pending: dict[bytes, asyncio.Event], digest: bytes) -> None:
        self._pending = pending
        self._digest = digest
        self._handed_over = False
        pending[digest] = asyncio.Event()

    def hand_over(self, done: "asyncio.Future[Commitment]") -> None:
        """Hold the key until *done*, even if the request that claimed it goes away.

        A request that is cancelled leaves its entries in the pool: the key must not
        look unused before they are stored with it.
        """
        self._handed_over = True
        done.add_done_callback(self._release_after)

    def release_unless_handed_over(self) -> None:
        """End the claim, if no submission holds it."""
        if not self._handed_over:
            self._release()

    def _release_after(self, done: "asyncio.Future[Commitment]") -> None:
        if not done.cancelled():
            done.exception()  # Seen here, should the request be gone.
        self._release()

    def _release(self) -> None:
        self._pending.pop(self._digest).set()
