"""The options that every benchmark takes, and the scratch folder that it works in."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import filesystem_of

_ROOT = Path(__file__).resolve().parent.parent
_CACHE = _ROOT / ".cache"


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure, and where."""

    quick: bool
    """Only to see that it runs: one round of one second, and smaller logs."""
    seconds: float
    """The length of one measurement."""
    rounds: int
    """How often each measurement is taken, in turn with its baseline."""
    disk: Path
    """Scratch folders are made here."""

    @property
    def results(self) -> Path:
        """Where the raw figures go. Quick ones never replace those of the document."""
        return _CACHE / "quick" if self.quick else _ROOT / "benchmarks" / "results"

    @property
    def plots(self) -> Path:
        """Where the plots go."""
        return _CACHE / "quick" if self.quick else _ROOT / "docs" / "performance"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give an empty folder on a real disk, and remove it afterwards."""
        with tempfile.TemporaryDirectory(prefix="bench-", dir=self.disk) as folder:
            yield Path(folder)


def parse_options(document: str | None) -> Options:
    """Read the command line of a script with the docstring *document*."""
    parser = argparse.ArgumentParser(
        description=document, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="of one measurement (default: 4)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="measurements of each kind (default: 3)"
    )
    parser.add_argument(
        "--disk",
        type=Path,
        default=_CACHE,
        help="folder for the logs, on the disk to be measured (default: .cache)",
    )
    given = parser.parse_args()
    given.disk.mkdir(parents=True, exist_ok=True)
    if filesystem_of(given.disk) in ("tmpfs", "ramfs"):
        sys.exit(f"{given.disk} is in memory, where a sync costs nothing: give --disk")
    if given.quick:
        return Options(True, 1.0, 1, given.disk)
    return Options(False, given.seconds, given.rounds, given.disk)
