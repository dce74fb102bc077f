"""`headrace export`: a topic as a Parquet, JSON lines or CSV file."""

import time
from pathlib import Path

import click

from flows.cli.common import common_options
from flows.cli.steps import shown
from flows.exporting.files import table_file
from flows.exporting.read import read_topic
from flows.exporting.records import Records
from schemas.settings import Settings
from schemas.topics import TOPICS
from sources.open_log import open_log


@click.command("export")
@click.argument("topic", type=click.Choice(list(TOPICS)), metavar="TOPIC")
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help=".parquet, .jsonl, .csv",
)
@common_options
def command(topic: str, file: Path, settings: Settings) -> None:
    """Export a topic to a Parquet, JSON lines or CSV file, up to where it ends now.

    The columns are partition, offset, append_ms and the fields of the record; headrace import reads such a file. A null
    value is a row with _delete = true. In CSV lists are JSON; in CSV and JSON bytes are base64. Records that can't be
    decoded are left out and counted.
    """
    records = Records(settings, topic)
    log = open_log(settings)
    began = time.monotonic()
    rows = bad = 0
    first_bad = ""
    try:
        expected = sum(log.ends(topic)) - sum(log.starts(topic))
        with table_file(file, records.schema) as write, shown("export", "rows") as watch:
            for batch in read_topic(log, topic):
                found, wrong = records.rows(batch)
                if wrong and not first_bad:
                    offset = batch.offsets[wrong[0].index]
                    first_bad = f"partition {batch.partition}, offset {offset}: {wrong[0].detail}"
                write(found)
                rows, bad = rows + len(found), bad + len(wrong)
                watch(rows, max(rows, expected))
    finally:
        log.close()
    if bad:
        click.echo(
            f"{bad:,} records could not be decoded and are left out, the first at {first_bad}", err=True
        )
    click.echo(f"{rows:,} rows of {topic} into {file} in {time.monotonic() - began:.1f} s")


COMMANDS = [command]
"""What this module adds to the command line."""
