"""Checking a whole log: every leaf, tile and root derived again from the entries.

The source of the log is a protocol, so that the same check runs on a store and on
what a server shows to the public. It trusts nothing but the verifier keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proofs.checkpoint import Checkpoint, open_checkpoint
from proofs.compact import fold_range
from proofs.errors import MalformedTile
from proofs.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash
from proofs.note import Verifier
from proofs.tiles import TILE_WIDTH, Bundle, Tile, decode_bundle, tile_width

from .integrate import EMPTY_EDGE, Edge, integrate


class Absent(LookupError):
    """What was asked for is not there, or cannot be read. Says why."""


class Source(Protocol):
    """Where a log is read from. Nothing that it returns is believed."""

    async def checkpoint(self) -> bytes:
        """Return the checkpoint, a signed note; raise Absent without one."""

    async def tile(self, tile: Tile) -> bytes:
        """Return the bytes of a hash tile; raise Absent without it."""

    async def bundle(self, bundle: Bundle) -> bytes:
        """Return an entry bundle; raise Absent without it."""

    async def index_faults(self, start: int, leaf_hashes: Sequence[bytes]) -> list[int]:
        """Return the indexes from *start* at which a lookup by hash would go wrong.

        A source without a leaf index returns nothing.
        """

    async def strays(self, size: int) -> "list[Fault]":
        """Return what there is beside the tree of *size*: its end is never in it.

        What does not show such things returns nothing. Called last.
        """


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the log that does not match."""

    start: int
    end: int
    """The entries [start, end) that it concerns."""
    what: str

    def __str__(self) -> str:
        if self.end - self.start == 1:
            return f"index {self.start}: {self.what}"
        return f"indexes {self.start} to {self.end - 1}: {self.what}"


@dataclass(slots=True)
class Report:
    """What was found, under the checkpoint that the source showed."""

    checkpoint: Checkpoint
    faults: list[Fault] = field(default_factory=list)
    """Neighbours with the same fault are one: a lost log is a short list."""
    root_hash: bytes = EMPTY_ROOT
    """Root over the tree that was derived: the checkpoint's, when nothing is wrong."""
    _last_of_kind: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def clean(self) -> bool:
        """Whether every entry, tile and root matches the signed checkpoint.

        Also the leaf index, and that a store holds nothing beside them. Not when
        entries were logged, and no idempotency keys: nothing signs these.
        """
        return not self.faults

    def add(self, fault: Fault) -> None:
        """Add a fault, or widen the last one of its kind that ends where it starts."""
        place = self._last_of_kind.get(fault.what)
        if place is not None and self.faults[place].end == fault.start:
            start = self.faults[place].start
            self.faults[place] = Fault(start, fault.end, fault.what)
        else:
            self._last_of_kind[fault.what] = len(self.faults)
            self.faults.append(fault)


def ignore_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


async def fsck(
    source: Source,
    verifiers: Sequence[Verifier],
    *,
    origin: str | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Report:
    """Derive the whole log again, and report everything that does not match.

    Reads entries and tiles bundle by bundle, in bounded memory. *progress* gets the
    number of entries checked, and of all.

    Raises:
        Absent: there is no checkpoint.
        MalformedError, VerificationError: it is none, or *verifiers* did not sign it.
    """
    signed = open_checkpoint(await source.checkpoint(), verifiers, origin=origin)
    report = Report(signed.checkpoint)
    check = _Check(source, report)
    size = report.checkpoint.size
    edge = EMPTY_EDGE
    while edge.size < size:
        edge = await check.next_bundle(edge)
        progress(edge.size, size)
    report.root_hash = fold_range(edge.peaks) if edge.peaks else EMPTY_ROOT
    if report.root_hash != report.checkpoint.root_hash:
        report.add(
            Fault(0, size, "the tree does not have the root that the checkpoint signs")
        )
    if strays := await source.strays(size):
        # A log may grow while it is checked: what a later checkpoint covers is its own.
        later = open_checkpoint(await source.checkpoint(), verifiers, origin=origin)
        for fault in strays:
            if fault.start < size or fault.end > later.checkpoint.size:
                report.add(fault)
    return report


class _Check:
    """One run of fsck. Adds to the report as it goes."""

    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._size = report.checkpoint.size

    async def next_bundle(self, edge: Edge) -> Edge:
        """Check the entries that follow *edge*, and return the edge after them."""
        index = edge.size // TILE_WIDTH
        width = tile_width(0, index, self._size)
        leaves = await self._leaves(index, width)
        entries = await self._entries(index, width)
        derived = [leaf_hash(entry) for entry in entries]
        if leaves and derived:
            self._compare_leaves(edge.size, derived, leaves)
        # The tree goes on from its own leaf hashes: then a bad entry is told from a
        # bad tile by whether the root still matches.
        chain = leaves or derived
        if not chain:
            chain = [bytes(HASH_SIZE)] * width  # Reported; keeps the indexes in step.
        for fault in await self._source.index_faults(edge.size, chain):
            self._fault(fault, fault + 1, "the leaf index does not find it")
        integration = integrate(edge, chain)
        for tile, data in integration.tiles:
            if tile.level > 0 and _is_last_version(tile, self._size):
                await self._compare_tile(tile, data)
        return integration.after

    async def _entries(self, index: int, width: int) -> list[bytes]:
        start = index * TILE_WIDTH
        try:
            data = await self._source.bundle(Bundle(index, width))
            return decode_bundle(data, width)
        except (Absent, MalformedTile) as error:
            self._fault(start, start + width, f"the entries cannot be read: {error}")
            return []

    async def _leaves(self, index: int, width: int) -> list[bytes]:
        start = index * TILE_WIDTH
        try:
            data = await self._source.tile(Tile(0, index, width))
        except Absent as error:
            self._fault(start, start + width, f"the tile cannot be read: {error}")
            return []
        if len(data) != width * HASH_SIZE:
            self._fault(start, start + width, f"the tile has {len(data)} bytes")
            return []
        return [data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)]

    def _compare_leaves(
        self, start: int, derived: Sequence[bytes], leaves: Sequence[bytes]
    ) -> None:
        for index, (own, stored) in enumerate(zip(derived, leaves, strict=True), start):
            if own != stored:
                self._fault(index, index + 1, "the entry does not have its leaf hash")

    async def _compare_tile(self, tile: Tile, derived: bytes) -> None:
        span = TILE_WIDTH**tile.level
        first = tile.index * TILE_WIDTH
        try:
            stored = await self._source.tile(tile)
        except Absent as error:
            self._fault(
                first * span, (first + tile.width) * span, f"{tile.path}: {error}"
            )
            return
        for place in range(tile.width):
            own = derived[place * HASH_SIZE : (place + 1) * HASH_SIZE]
            if own != stored[place * HASH_SIZE : (place + 1) * HASH_SIZE]:
                start = (first + place) * span
                self._fault(start, start + span, f"{tile.path} has another hash here")
        if len(stored) > len(derived):
            self._fault(
                first * span, (first + tile.width) * span, f"{tile.path} is too long"
            )

    def _fault(self, start: int, end: int, what: str) -> None:
        self._report.add(Fault(start, end, what))


def _is_last_version(tile: Tile, size: int) -> bool:
    """Tell whether *tile* is as wide as it gets in a tree of *size*."""
    return tile.width == tile_width(tile.level, tile.index, size)
