"""`headrace status`: how running flows are."""

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from flows.asked import ask, place
from flows.cli.common import common_options, json_option
from flows.cli.terminal import console
from flows.cli.words import ago, duration, size
from flows.status import PartitionStatus, Status, slowest
from schemas.errors import HeadraceError
from schemas.settings import Settings

SLOW_MS = 60_000


@click.command()
@click.option(
    "--url", "urls", multiple=True, metavar="URL", help="Page of a process; may be given several times."
)
@click.option(
    "--all", "every", is_flag=True, help="Show every partition, not only the slowest of each topic."
)
@common_options
@json_option
def status(settings: Settings, urls: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Print watermarks, lag, the last snapshot, Redis, and which partition is slowest and why.

    It asks the page of the flow (metrics.host, metrics.port), or those named with --url: one for each process.
    """
    found: list[Status] = []
    missing: list[HeadraceError] = []
    for url in urls or (place(settings),):
        try:
            found.append(ask(url))
        except HeadraceError as error:
            missing.append(error)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        for one in found:
            _print(one, every)
        if len(found) > 1:
            _print_slowest(found)
    for other in missing[:-1]:
        click.echo(f"headrace: {other}", err=True)
    if missing:
        raise missing[-1]


def _print(one: Status, every: bool) -> None:
    out = console()
    process = f", process {one.index} of {one.processes}" if one.processes > 1 else ""
    health = (
        "[green]ready[/]" if one.ready else "[yellow]alive, not ready[/]" if one.alive else "[bold red]ill[/]"
    )
    out.print(f"[bold]{one.flow}[/]{process} on {one.host} (pid {one.pid}): {health}")
    for check in one.checks:
        if not check.ok:
            out.print(f"  [yellow]{check.name}[/]: {escape(check.says)}")
    rows = [
        ("running", f"{duration(one.at_ms - one.started_ms)}, {_records(one)}"),
        ("snapshot", _snapshot(one)),
        ("state", ", ".join(f"{step.step} {step.rows:,} rows, {size(step.bytes)}" for step in one.state)),
        ("Redis", _redis(one)),
    ]
    for name, says in rows:
        out.print(f"  {name:<9} {escape(says)}", soft_wrap=True)
    if one.slowest is not None:
        last = one.partitions[one.slowest]
        out.print(f"  {'slowest':<9} {_name(last)}: {escape(last.says)}", soft_wrap=True)
    shown = one.partitions if every else _slowest_of_each_topic(one.partitions)
    if shown:
        out.print(_table(shown))


def _records(one: Status) -> str:
    bad = ", ".join(f"{count:,} {reason}" for reason, count in sorted(one.refused.items()))
    return f"{one.records:,} records, {one.records_per_second:,.0f}/s now; set aside: {bad or 'none'}"


def _snapshot(one: Status) -> str:
    last = one.snapshot
    if last is None:
        return "none yet"
    return f"{ago(one.at_ms - last.at_ms)}, stood still for {last.seconds * 1000:,.0f} ms, wrote {size(last.bytes)}"


def _redis(one: Status) -> str:
    redis = one.redis
    if redis is None:
        return "not open yet"
    return (
        f"{'connected' if redis.connected else 'not connected'}, {redis.commands_per_second:,.0f} commands/s, "
        f"{redis.retries} retries, {size(redis.held_bytes)} waiting, the oldest for "
        f"{redis.unacknowledged_seconds:.1f} s, reading stood still for it {redis.blocked:.0%} of the time"
    )


def _name(partition: PartitionStatus) -> str:
    return f"{partition.topic}/{partition.partition}"


def _slowest_of_each_topic(partitions: list[PartitionStatus]) -> list[PartitionStatus]:
    topics = dict.fromkeys(one.topic for one in partitions)
    groups = [[one for one in partitions if one.topic == topic] for topic in topics]
    return [group[at] for group in groups if (at := slowest(group)) is not None]


def _table(partitions: list[PartitionStatus]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 2))
    for heading in ("partition", "offset", "behind", "watermark is behind the clock", "why"):
        table.add_column(heading, justify="left" if heading in ("partition", "why") else "right")
    for one in partitions:
        lag = one.watermark_lag_ms
        table.add_row(
            _name(one),
            f"{one.offset:,}",
            "?" if one.behind is None else f"{one.behind:,}",
            "" if lag is None else f"[{'yellow' if lag > SLOW_MS else 'green'}]{duration(lag)}[/]",
            escape(one.says),
        )
    return table


def _print_slowest(found: list[Status]) -> None:
    """The slowest partition of all processes."""
    partitions = [one for status in found for one in status.partitions]
    at = slowest(partitions)
    if at is not None:
        console().print(f"[bold]slowest of all[/] {_name(partitions[at])}: {escape(partitions[at].says)}")


COMMANDS = [status]
