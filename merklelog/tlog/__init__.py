"""The log: append, prove, verify. `Log` is all that an embedding program needs."""

from .commitment import Commitment
from .log import Log

__all__ = ["Commitment", "Log"]
