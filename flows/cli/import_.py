"""`headrace import`: files into a topic, rightly partitioned; what is wrong is told by line."""

import json
import sys
import time
from pathlib import Path
from typing import Final

import click

from flows.cli.common import common_options, json_option
from flows.cli.steps import Watch, shown
from flows.codecs import writing
from flows.importing.closing import TOPIC as PULSE
from flows.importing.closing import close, closing_ms
from flows.importing.load import Imported, Importer, about_rows, kind_of
from schemas.codec import Codec
from schemas.errors import HeadraceError, UsageError
from schemas.kafka_cluster import KafkaCluster
from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.log import LogWriter
from sinks.open_writer import open_writer
from sources.open_log import open_log

SHOWN: Final = 20
"""Bad rows that are told one by one."""

NOT_FROM_FILES: Final = ("models", "dead_letters")
"""Topics whose records hold bytes."""


@click.command("import")
@click.argument(
    "topic", type=click.Choice([name for name in TOPICS if name not in NOT_FROM_FILES]), metavar="TOPIC"
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@common_options
@click.option("--close", "closes", is_flag=True, help="End the history: a closing pulse for each partition.")
@click.option(
    "--by", "by_ms", type=int, metavar="MS", help="Time of that pulse; else just after the last row."
)
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="Interactions in a message; it is appended when its last one was.",
)
@click.option(
    "--allow-bad", type=click.IntRange(0), default=0, show_default=True, help="Bad rows that are no failure."
)
@json_option
def command(
    topic: str,
    files: tuple[Path, ...],
    settings: Settings,
    closes: bool,
    by_ms: int | None,
    batch: int,
    allow_bad: int,
    as_json: bool,
) -> None:
    """Import CSV, JSON lines or Parquet files into a topic of the log.

    Columns are called as the fields of the topic's record (headrace topics). A column append_ms says when each row
    was appended; without it the order of the file counts. In CSV a list is JSON or words with | between. In a compacted
    topic a row with _delete = true becomes a null value: users, {"user_id": 7, "_delete": true, "at_ms": ...}, erases
    the user.

    Rows are written in the order of the files. A bad row is told with its line on stderr and left out, the others are
    imported; the exit code is then 1, unless there are no more of them than --allow-bad.
    """
    for file in files:
        kind_of(file)
        if not file.is_file():
            raise UsageError(f"there is no file {file}")
    if len({file.name for file in files}) < len(files):
        raise UsageError("two files have the same name, which event ids may be made of; rename one")
    began = time.monotonic()
    codec, pulses = writing(settings, topic), writing(settings, PULSE) if closes else None
    writer = open_writer(settings, history=True)
    try:
        importer = Importer(writer, topic, codec, settings.partitions, settings.max_ahead_ms, batch)
        writer.create([topic], settings.partitions)
        _note_times(settings, topic, importer.done)
        with shown("import", "rows") as watch:
            _load(importer, files, watch)
        writer.flush()
        if pulses is not None:
            _close(settings, writer, topic, importer.done, by_ms, pulses)
    finally:
        writer.close()
    _report(settings, topic, importer.done, time.monotonic() - began, as_json)
    if importer.done.bad > allow_bad:
        sys.exit(1)


def _load(importer: Importer, files: tuple[Path, ...], watch: Watch) -> None:
    """Load the files, and tell of bad rows while they come."""
    told = 0
    expected = sum(map(about_rows, files))
    for file in files:
        for bad in importer.load(file):
            for row in bad[: SHOWN - told]:
                click.echo(str(row), err=True)
                told += 1
            read = importer.done.rows + importer.done.bad
            watch(read, max(read, expected))
    if importer.done.bad > told:
        click.echo(f"and {importer.done.bad - told:,} more bad rows", err=True)


def _close(
    settings: Settings, writer: LogWriter, topic: str, done: Imported, by_ms: int | None, pulses: Codec
) -> None:
    if by_ms is None and not done.rows:
        raise HeadraceError("no row was imported, so there is no time to close at; say it with --by")
    log = open_log(settings)
    try:
        at_ms = closing_ms(done.close_ms, settings) if by_ms is None else by_ms
        close(writer, log, topic, at_ms, pulses)
    finally:
        log.close()
    done.notes.append(f"closed by a pulse at {at_ms}")


def _note_times(settings: Settings, topic: str, done: Imported) -> None:
    """Say so when the broker will put its own clock in place of the append times."""
    if not settings.log.startswith("kafka://"):
        return
    cluster = KafkaCluster(settings.log.removeprefix("kafka://"), settings.kafka_config())
    name = settings.topic_prefix + topic
    if cluster.topic_settings(name).get("message.timestamp.type") == "LogAppendTime":
        done.notes.append(
            f"topic {name} keeps LogAppendTime: its append times are now, not those of the rows; for a history set "
            "message.timestamp.type=CreateTime, or import into a topic that is not there yet"
        )


def _report(settings: Settings, topic: str, done: Imported, seconds: float, as_json: bool) -> None:
    for note in done.notes:
        click.echo(note, err=True)
    if as_json:
        facts = {
            name: getattr(done, name) for name in ("rows", "messages", "bad", "first_ms", "last_ms", "notes")
        }
        click.echo(json.dumps({"topic": topic, **facts, "seconds": round(seconds, 3)}))
        return
    click.echo(
        f"{done.rows:,} rows into {topic} of {settings.log} in {seconds:.1f} s, {done.bad:,} bad rows left out"
    )


COMMANDS = [command]
"""What this module adds to the command line."""
