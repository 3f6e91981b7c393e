"""A progress bar on standard error, where there is a terminal to see it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bounceml_datasets.exports.scoring import Tell


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """A function that shows what is being done and the share 0–1 of it that is done."""
    if not sys.stderr.isatty():
        yield lambda step, share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda step, share: bar.update(task, description=step, completed=share)


@contextmanager
def row_progress() -> "Iterator[Tell]":
    """As `count_progress`, told by a tally and its reader."""
    with count_progress() as tell:
        yield lambda tally, reader: tell(tally.rows, reader.rows)


@contextmanager
def count_progress() -> Iterator[Callable[[int, int | None], None]]:
    """A function that shows how many rows are done, how fast, and the time left where the number of rows is known."""
    if not sys.stderr.isatty():
        yield lambda rows, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.completed:,.0f} rows"), BarColumn(), TextColumn("{task.fields[speed]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, speed="")

        def tell(rows: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=rows, total=total, speed=f"{speed:,.0f} rows/s" if speed else "")

        yield tell
