"""Shows how far a flow is: a bar on a terminal, a line now and then elsewhere."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows import logs
from flows.observe import Observer

BAR_SECONDS = 0.2
LINE_SECONDS = 10.0

log = logging.getLogger(__name__)


@contextmanager
def shown(observer: Observer) -> Iterator[None]:
    """Show progress on stderr until the end of the block; in a JSON log, as lines of it."""
    done = threading.Event()
    show = _logged if logs.in_json() else _bar if sys.stderr.isatty() else _lines
    thread = threading.Thread(target=show, args=(observer, done), name="headrace-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _bar(observer: Observer, done: threading.Event) -> None:
    columns = (
        TextColumn(f"{observer.flow}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records  {task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, rate="")
        began = time.monotonic()
        while not done.wait(BAR_SECONDS):
            rate = f"{observer.records / (time.monotonic() - began):,.0f}/s"
            progress.update(task, completed=observer.records, total=observer.total, rate=rate)


def _lines(observer: Observer, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(LINE_SECONDS):
        of = f" of {observer.total:,}" if observer.total else ""
        rate = observer.records / (time.monotonic() - began)
        sys.stderr.write(f"{observer.flow}: {observer.records:,}{of} records, {rate:,.0f}/s\n")
        sys.stderr.flush()


def _logged(observer: Observer, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(LINE_SECONDS):
        rate = round(observer.records / (time.monotonic() - began))
        numbers = {"records": observer.records, "total": observer.total, "records_per_second": rate}
        log.info("progress", extra=numbers)
