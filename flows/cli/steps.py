"""Shows how far a command is that knows how much there is to do."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Watch = Callable[[int, int], None]
"""Is told how much is done and about how much there is."""

LINE_SECONDS: Final = 5.0


@contextmanager
def shown(name: str, things: str) -> Iterator[Watch]:
    """Progress on stderr: a bar on a terminal, a line now and then elsewhere; what it yields is told how far it is."""
    began = time.monotonic()
    if not sys.stderr.isatty():
        last = began

        def line(done: int, of: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= LINE_SECONDS:
                last = now
                rate = done / (now - began)
                click.echo(f"{name}: {done:,} of about {of:,} {things}, {rate:,.0f}/s", err=True)

        yield line
        return
    columns = (
        TextColumn(name),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.completed:,.0f}} {things}  {{task.fields[rate]}}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, rate="")

        def move(done: int, of: int) -> None:
            rate = f"{done / (time.monotonic() - began):,.0f}/s"
            progress.update(task, completed=done, total=of, rate=rate)

        yield move
