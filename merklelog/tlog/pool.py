"""The pool: entries waiting for the next commit, bounded in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from merklelog.errors import MerklelogError, PoolFull

if TYPE_CHECKING:
    from asyncio import Future

    from .commitment import Commitment

# What an entry costs beside its own bytes: the objects of the entry, its leaf hash
# and its keys. Counted, so that a pool of tiny entries is bounded too.
ENTRY_OVERHEAD = 256

# How much one commit takes, the overhead included: so less than 65,536 entries. It
# bounds how long those behind it wait, and the memory of the write batch. A submission
# is never divided.
COMMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What is stored with a submission so that it happens once."""

    digest: bytes
    """32 bytes, made from the writer and his key."""
    fingerprint: bytes
    """32 bytes, made from the content."""


# Not frozen, though nothing changes it: that would cost three times as much to make,
# once for each request.
@dataclass(slots=True)
class Submission:
    """The entries of one request: all of them are committed, or none."""

    entries: Sequence[bytes]
    leaf_hashes: Sequence[bytes]
    done: "Future[Commitment]"
    """Resolved by the sequencer, when the entries are durable or have failed."""
    idempotency: IdempotencyRecord | None = None

    @property
    def weight(self) -> int:
        """The bytes of memory that the pool counts for it."""
        return weight_of(self.entries)

    def fail(self, error: MerklelogError) -> None:
        """Tell the waiting request that its outcome is *error*."""
        if not self.done.done():
            self.done.set_exception(error)


def weight_of(entries: Sequence[bytes]) -> int:
    """Return the bytes of memory that *entries* are counted with while they wait."""
    return sum(map(len, entries)) + ENTRY_OVERHEAD * len(entries)


class Pool:
    """Submissions in the order of their arrival. Owned by the event loop."""

    def __init__(self, limit: int) -> None:
        """Hold at most *limit* bytes, entries that are being committed included."""
        self._limit = limit
        self._waiting: list[tuple[int, Submission]] = []
        self._weight = 0
        self._taken = 0

    @property
    def weight(self) -> int:
        """Bytes of memory held, for entries waiting and entries being committed."""
        return self._weight + self._taken

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, submission: Submission) -> None:
        """Put *submission* at the end.

        Raises:
            PoolFull: it does not fit; nothing of it was taken.
        """
        weight = submission.weight
        if self.weight + weight > self._limit and self.weight:
            raise PoolFull(limit=self._limit)
        self._waiting.append((weight, submission))
        self._weight += weight

    def take(self) -> list[Submission]:
        """Remove and return what the next commit takes; it counts until `release`."""
        count = taken = 0
        for weight, _ in self._waiting:
            if count and taken + weight > COMMIT_BYTES:
                break
            taken += weight
            count += 1
        submissions = [submission for _, submission in self._waiting[:count]]
        del self._waiting[:count]
        self._weight -= taken
        self._taken += taken
        return submissions

    def release(self) -> None:
        """Stop counting what was taken: it is committed, or has failed."""
        self._taken = 0

    def fail_all(self, error: MerklelogError) -> None:
        """Empty the pool, telling every waiting request *error*."""
        for _, submission in self._waiting:
            submission.fail(error)
        self._waiting.clear()
        self._weight = 0
