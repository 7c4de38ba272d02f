"""What a submission becomes: a commitment, from which receipts are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from merklelog.clock import format_time
from proofs.receipt import Receipt

from .head import Head
from .integrate import Integration
from .paths import Encode, Path, Paths, as_hashes


class Commit:
    """One commit, as the submissions that share it see it."""

    __slots__ = ("_integration", "_paths", "head", "origin")

    def __init__(self, origin: str, integration: Integration, head: Head) -> None:
        self.origin = origin
        self.head = head
        self._integration = integration
        # Made when the first receipt is read, by the event loop.
        self._paths: Paths | None = None

    @property
    def paths(self) -> Paths:
        """The inclusion proofs of its entries, under its head."""
        if self._paths is None:
            self._paths = Paths(self._integration)
        return self._paths


# Not frozen, though nothing changes it: that would cost three times as much to make,
# once for each request.
@dataclass(slots=True)
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

    def inclusion_path(self, offset: int, encode: Encode[Path]) -> Path:
        """Return the encoded inclusion proof of entry *offset* of the submission."""
        # Within this submission, and not in those that share its commit.
        index = range(self.first_index, self.first_index + len(self))[offset]
        return self.commit.paths.of(index, encode)

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
            inclusion_proof=self.inclusion_path(offset, as_hashes),
            checkpoint=self.head.note,
        )

    def __iter__(self) -> Iterator[Receipt]:
        return (self[offset] for offset in range(len(self)))


@dataclass(frozen=True, slots=True)
class Replay:
    """A submission that the log already has, found by its idempotency key."""

    first_index: int
    count: int
