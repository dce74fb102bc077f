"""What the demo shows at the end: a report for a terminal, plain text elsewhere."""

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.cli.numbers import shown
from flows.cli.spark import bar, spark
from flows.cli.terminal import console
from flows.cli.vector_view import vector_table
from flows.demo.findings import Findings
from flows.demo.place import SETTINGS_FILE
from flows.observe import Observer
from schemas.reasons import REPEAT
from schemas.redis_place import embedded_directory
from schemas.settings import Settings
from schemas.settings_given import FILE_VARIABLE
from sources.simulate import Truth

LONG_TO_SHORT = ("24h", "1h", "30m", "5m")
BAR_WIDTH = 16
TRENDING_COLUMNS = {
    "#": False,
    "<post": False,
    "<written": True,
    "engagements/h": False,
    "<": True,
    "<velocity": False,
    "CTR 1h": False,
    "<CTR": False,
    "views 1h": False,
    "dwell p50": True,
}
"""Headings, and whether the column is left out of a narrow terminal; `<` stands left."""
NARROW = 112
"""Columns of a terminal below which the report leaves some out."""


def print_report(
    settings: Settings, truth: Truth, observer: Observer, simulated_s: float, read_s: float, found: Findings
) -> None:
    """Print throughput, trending posts, an author and a user, dead letters, and what to try next."""
    out = console()
    _section(out, "throughput", _throughput(truth, observer, simulated_s, read_s, found))
    _section(out, "trending", _trending(found.trending, truth, out.width < NARROW), _story(truth))
    vectors = [_vector(found.author, "who wrote the hottest post"), _vector(found.user, "reading at the end")]
    _section(out, "an author and a user", Columns(vectors, padding=(1, 6)))
    _section(out, "set aside, beside what was simulated", _set_aside(truth, observer, found))
    _section(out, "where to look next", _next_steps(settings, truth, found, out.width < NARROW))


def _section(out: Console, title: str, body: RenderableType, note: str = "") -> None:
    out.print()
    out.print(Text(title, style="bold cyan"))
    if note:
        out.print(note)
    out.print()
    out.print(body)


def _table(*headings: str) -> Table:
    """A table without lines; a heading that begins with `<` stands left."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading.removeprefix("<"), justify="left" if heading.startswith("<") else "right")
    return table


def _throughput(
    truth: Truth, observer: Observer, simulated_s: float, read_s: float, found: Findings
) -> RenderableType:
    written = sum(truth.messages.values())
    table = _table("<", "", "seconds", "a second", "<")
    per_second = f"{observer.records / read_s:,.0f}"
    table.add_row(
        "simulated", f"{written:,} messages", f"{simulated_s:.1f}", f"{written / simulated_s:,.0f}", ""
    )
    table.add_row(
        "windows flow",
        f"{observer.records:,} records",
        f"{read_s:.1f}",
        per_second,
        "log to Redis, one process",
    )
    if observer.redis is not None:
        commands, trips = observer.redis.commands, observer.redis.round_trips
        rate = f"{commands / read_s:,.0f}"
        table.add_row("into Redis", f"{commands:,} writes", "", rate, f"in {trips:,} round trips")
    table.add_row("in Redis", f"{found.keys:,} keys", "", "", f"{found.memory / 1e6:,.0f} MB")
    return table


def _story(truth: Truth) -> str:
    shown_at = _clock(truth.hottest_post >> 21)
    share = truth.hottest_views / max(1, truth.interactions["impression"])
    return (
        f"The story of the evening broke at {shown_at}: post {truth.hottest_post} (*) took {truth.hottest_views:,} "
        f"views, {100 * share:.1f} % of all.\nSparklines: windows of 24 h, 1 h, 30 min, 5 min."
    )


def _trending(posts: list[dict[str, Any]], truth: Truth, narrow: bool) -> Table:
    shown_columns = [heading for heading, wide in TRENDING_COLUMNS.items() if not (narrow and wide)]
    table = _table(*shown_columns)
    fastest = max((post["velocity"] for post in posts), default=0.0) or 1.0
    for rank, post in enumerate(posts, 1):
        features = post["features"] or {}
        story = post["post_id"] == truth.hottest_post
        cells: list[Text] = [
            Text(f"{rank}"),
            Text(f"{post['post_id']}{' *' if story else ''}", style="bold" if story else "", no_wrap=True),
            Text(_clock(post["post_id"] >> 21)),
            Text(f"{post['velocity']:,.0f}"),
            Text(bar(post["velocity"] / fastest, BAR_WIDTH), style="cyan"),
            Text(_windows(features, "velocity"), style="green"),
            Text(shown("ctr", features.get("post_ctr_1h"))),
            Text(_windows(features, "ctr"), style="green"),
            Text(shown("impressions", features.get("post_impressions_1h"))),
            Text(shown("dwell_p50_ms", features.get("post_dwell_p50_ms_24h"))),
        ]
        row = dict(zip(TRENDING_COLUMNS, cells, strict=True))
        table.add_row(*(row[heading] for heading in shown_columns))
    return table


def _windows(features: dict[str, Any], name: str) -> str:
    return spark([features.get(f"post_{name}_{window}") for window in LONG_TO_SHORT])


def _vector(vector: dict[str, Any], who: str) -> RenderableType:
    title = Text.assemble((f"{vector['kind']} {vector['id']}", "bold"), f", {who}")
    return Group(title, f"as of {_clock(vector['as_of_ms'])}", "", vector_table(vector))


def _set_aside(truth: Truth, observer: Observer, found: Findings) -> Table:
    table = _table("<reason", "simulated", "found", "<", "<where")
    for reason, expected in truth.set_aside.items():
        repeat = reason == REPEAT
        count = observer.refused[reason] if repeat else found.dead_letters[reason]
        same = Text("ok", style="green") if count == expected else Text("differs", style="bold red")
        where = "counted once, the rest left out" if repeat else "topic dead_letters"
        table.add_row(reason, f"{expected:,}", f"{count:,}", same, where)
    return table


def _next_steps(settings: Settings, truth: Truth, found: Findings, narrow: bool) -> Table:
    command = _command()
    file = Path(os.path.relpath(Path(settings.state).parent / SETTINGS_FILE))
    redis = Path(os.path.relpath(embedded_directory(settings)))
    steps = _table("<", "<")
    steps.show_header = False
    for line, meaning in (
        (f"export {FILE_VARIABLE}={file}", "then commands use the demo's log and Redis"),
        (f"{command} trending -n 50", "the longer list"),
        (f"{command} trending br", "what moves in one region"),
        (f"{command} tail dead_letters -n 3", "records that were set aside, and why"),
        (f"{command} features post {truth.hottest_post}", "all that is known of the story"),
        (f"{command} features user {found.user['id']} --json", "a vector for a program"),
        (f"{command} features --registry", "every feature, with its formula"),
        (f"{command} simulate --help", "more traffic: larger, longer, dirtier, or into Kafka"),
        (f"{command} run windows --help", "the flow on your own Kafka and Redis"),
        (f"kill $(cat {redis}/redis.pid)", "stop the demo's Redis"),
    ):
        command_line = Text(line, style="bold", no_wrap=True)
        if narrow:
            steps.add_row(Group(command_line, f"    {meaning}"))
        else:
            steps.add_row(command_line, meaning)
    return steps


def _command() -> str:
    """How to call headrace from here: by name where it is on the PATH, else as this run was called."""
    called = Path(sys.argv[0])
    on_path = shutil.which("headrace") or called.name != "headrace"
    return "headrace" if on_path else os.path.relpath(called)


def _clock(at_ms: int) -> str:
    """Hour and minute, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M}"
