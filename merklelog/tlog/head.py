"""A head: what one signed checkpoint says, and the checkpoint itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """The tree at one size, as the log signed it."""

    size: int
    """Number of leaves."""
    root_hash: bytes
    """32 bytes."""
    note: bytes
    """The signed checkpoint, a C2SP note."""
    timestamp: int
    """When it was signed, ms since the epoch: the time in its 0x05 signature."""
