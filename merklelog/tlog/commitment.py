"""What a submission becomes: a commitment, from which receipts are read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from merklelog.clock import format_time
from proofs.receipt import Receipt

from .head import Head
from .integrate import Integration, Path, inclusion_paths


def _as_hashes(node: bytes) -> tuple[bytes, ...]:
    return (node,)


class Commit:
    """One commit, as the submissions that share it see it."""

    __slots__ = ("_hash_paths", "_integration", "head", "origin")

    def __init__(self, origin: str, integration: Integration, head: Head) -> None:
        self.origin = origin
        self.head = head
        self._integration = integration
        # Filled when the first receipt is read, by the event loop.
        self._hash_paths: Sequence[tuple[bytes, ...]] | None = None

    @property
    def first_index(self) -> int:
        """The index of the first entry of the commit."""
        return self._integration.before.size

    def paths(self, encode: Callable[[bytes], Path]) -> Sequence[Path]:
        """Return the inclusion proof of each entry, see `inclusion_paths`."""
        return inclusion_paths(self._integration, encode)

    def hash_paths(self) -> Sequence[tuple[bytes, ...]]:
        """Return the inclusion proof of each entry, leaf to root, computed once."""
        if self._hash_paths is None:
            self._hash_paths = self.paths(_as_hashes)
        return self._hash_paths


@dataclass(frozen=True, slots=True)
class Commitment(Sequence[Receipt]):
    """A submission that is durable, in the tree, and under a signed checkpoint.

    It is the sequence of its receipts; their proofs are computed when they are read.
    """

    first_index: int
    """The index of the first entry; the others follow it."""
    leaf_hashes: Sequence[bytes]
    logged_at: int
    """When the log took them, ms since the epoch."""
    commit: Commit
    """The commit that this submission shares with others."""

    @property
    def head(self) -> Head:
        """The head that the receipts are proven under."""
        return self.commit.head

    def inclusion_proof(self, offset: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of entry *offset* of the submission."""
        # Within this submission, and not in those that share its commit.
        index = range(self.first_index, self.first_index + len(self))[offset]
        return self.commit.hash_paths()[index - self.commit.first_index]

    def __len__(self) -> int:
        return len(self.leaf_hashes)

    @overload
    def __getitem__(self, offset: int) -> Receipt: ...
    @overload
    def __getitem__(self, offset: slice) -> Sequence[Receipt]: ...
    def __getitem__(self, offset: int | slice) -> Receipt | Sequence[Receipt]:
        if isinstance(offset, slice):
            return [self[i] for i in range(*offset.indices(len(self)))]
        leaf_hash = self.leaf_hashes[offset]
        offset %= len(self)
        return Receipt(
            origin=self.commit.origin,
            index=self.first_index + offset,
            leaf_hash=leaf_hash,
            logged_at=format_time(self.logged_at),
            inclusion_proof=self.inclusion_proof(offset),
            checkpoint=self.head.note,
        )

    def __iter__(self) -> Iterator[Receipt]:
        return (self[offset] for offset in range(len(self)))


@dataclass(frozen=True, slots=True)
class Replay:
    """A submission that the log already has, found by its idempotency key."""

    first_index: int
    count: int
