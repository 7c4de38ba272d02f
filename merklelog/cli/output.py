"""What commands print: JSON for programs, lines and tables for people.

Results go to stdout, everything about the work itself to stderr. A progress bar is
drawn on a terminal only, so that pipes and logs stay clean.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

Progress = Callable[[int, int], None]
"""Called with what is done and the total (0 while it is not known)."""


def print_json(value: object) -> None:
    """Print *value* as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print a name and a value a line, aligned."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {'-' if value is None else value}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *columns*; numbers are the caller's to format."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # A table in a pipe keeps its columns whole, whatever width rich assumes there.
    width = None if console.is_terminal else console.measure(table).maximum
    console.print(table, width=width, markup=False, highlight=False)


@contextmanager
def progress(description: str) -> Iterator[Progress]:
    """Give a function that moves a progress bar on stderr; silent in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return

    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(
        *columns, console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(description, total=None)

        def move(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield move
