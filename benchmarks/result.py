"""A benchmark's result: printed as tables, and kept as JSON for the document."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.machine import describe
from benchmarks.options import Options


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as they are read; the raw figures are in `Result.figures`."""

    caption: str
    headings: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        shown = RichTable(*self.headings, title=self.caption, box=SIMPLE_HEAD)
        for column in shown.columns[1:]:
            column.justify = "right"
        for row in self.rows:
            shown.add_row(*row)
        # In a pipe the columns stay whole: there rich would assume 80 characters.
        console = Console(width=None if sys.stdout.isatty() else 200)
        console.print(shown, markup=False, highlight=False)


@dataclass(frozen=True, slots=True)
class Goal:
    """What was set as a goal, and what was measured."""

    what: str
    goal: float
    measured: float
    unit: str = ""
    lower_is_better: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        if self.lower_is_better:
            return self.measured <= self.goal
        return self.measured >= self.goal

    def row(self) -> Sequence[str]:
        """Return it as a row of text."""
        bound = "at most" if self.lower_is_better else "at least"
        return (
            self.what,
            f"{bound} {number(self.goal)}{self.unit}",
            f"{number(self.measured)}{self.unit}",
            "yes" if self.met else "**no**",
        )


GOAL_HEADINGS = ("what", "goal", "measured", "met")


@dataclass(slots=True)
class Result:
    """Everything that one script found out. Filled while it runs."""

    name: str
    question: str
    machine: dict[str, str]
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    figures: list[dict[str, object]] = field(default_factory=list)
    """The raw figures, with their units in their names."""

    @classmethod
    def start(cls, name: str, question: str, options: Options) -> "Result":
        """Note the state of the machine before there is load on it."""
        return cls(name, question, describe(options.disk))

    def finish(self, options: Options) -> None:
        """Print the tables and the goals, and write the JSON."""
        for table in self.tables:
            table.show()
        if self.goals:
            rows = [goal.row() for goal in self.goals]
            Table("Goals", GOAL_HEADINGS, rows).show()
        command = ["python", "-m", f"benchmarks.{self.name}", *sys.argv[1:]]
        document = {"command": shlex.join(command), **asdict(self)}
        options.results.mkdir(parents=True, exist_ok=True)
        path = options.results / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def load_result(path: Path) -> tuple[Result, str]:
    """Return the result in the file *path*, and the command that made it."""
    document = json.loads(path.read_text("utf-8"))
    command: str = document.pop("command")
    document["tables"] = [Table(**table) for table in document["tables"]]
    document["goals"] = [Goal(**goal) for goal in document["goals"]]
    return Result(**document), command


def number(value: float) -> str:
    """Return *value* with as many digits as it deserves: 212,345 or 12.3 or 0.42."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
