"""Write the figures of the last run into docs/performance.md.

Between ``<!-- figures: NAME -->`` and ``<!-- end -->`` everything is replaced: by the
tables and plots of the benchmark NAME, by ``machine`` or by ``goals``. The words
around them are the author's.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.result import GOAL_HEADINGS, Result, load_result

_ROOT = Path(__file__).resolve().parent.parent
_DOCUMENT = _ROOT / "docs" / "performance.md"
_RESULTS = _ROOT / "benchmarks" / "results"

_SECTION = re.compile(r"(<!-- figures: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOT_YET = "Not measured yet: `benchmarks/run`.\n"

Measured = Mapping[str, tuple[Result, str]]
"""By name: each result, and the command that made it."""


def main() -> None:
    """Replace every section of the document by what was measured."""
    measured = {
        path.stem: load_result(path) for path in sorted(_RESULTS.glob("*.json"))
    }

    def section(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}\n{_figures(name, measured)}\n{end}"

    text = _DOCUMENT.read_text("utf-8")
    _DOCUMENT.write_text(_SECTION.sub(section, text), "utf-8")


def _figures(name: str, measured: Measured) -> str:
    if name == "machine":
        return _machines(measured) or _NOT_YET
    if name == "goals":
        goals = [goal.row() for result, _ in measured.values() for goal in result.goals]
        return _markdown(GOAL_HEADINGS, goals) if goals else _NOT_YET
    if name not in measured:
        return _NOT_YET
    result, command = measured[name]
    tables = [f"{t.caption}:\n\n{_markdown(t.headings, t.rows)}" for t in result.tables]
    plots = [f"![{result.question}](performance/{plot})\n" for plot in result.plots]
    return "\n".join([f"`{command}`, {result.machine['date']}\n", *tables, *plots])


def _machines(measured: Measured) -> str:
    """Return the facts that all runs share, or one table for each that differs."""
    varying = ("date", "load before")
    facts = {
        tuple((k, v) for k, v in result.machine.items() if k not in varying)
        for result, _ in measured.values()
    }
    return "\n".join(_markdown(("", ""), rows) for rows in sorted(facts))


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table: the first column to the left, the figures to the right."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
