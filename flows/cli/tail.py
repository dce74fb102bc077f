"""`headrace tail`: the newest records of a topic as JSON."""

import sys
from operator import itemgetter
from typing import Any

import click

from flows.cli.common import common_options
from flows.exporting.files import json_line
from flows.exporting.read import follow, read_topic
from flows.exporting.records import Records
from schemas.frame import RawBatch
from schemas.settings import Settings
from schemas.topics import TOPICS
from sources.open_log import open_log

Line = dict[str, Any]


@click.command("tail")
@click.argument("topic", type=click.Choice(list(TOPICS)), metavar="TOPIC")
@click.option(
    "-n", "count", type=click.IntRange(0), default=10, show_default=True, help="How many to begin with."
)
@click.option(
    "-f", "--follow", "follows", is_flag=True, help="Go on with what is written, until interrupted."
)
@common_options
def command(topic: str, count: int, follows: bool, settings: Settings) -> None:
    """Print the newest records of a topic, one JSON object a line.

    They come in the order in which they were appended, each with its partition, offset and append_ms. A record that
    can't be decoded has "undecodable" with the reason in place of its fields; bytes are base64.
    """
    records = Records(settings, topic)
    log = open_log(settings)
    try:
        ends = log.ends(topic)
        newest: list[Line] = []
        if count:
            for batch in read_topic(log, topic, last=count):
                newest += _lines(records, batch)[-count:]
        newest.sort(key=itemgetter(records.append_ms, records.partition, records.offset))
        _print(newest[-count:])
        if follows:
            for batch in follow(log, topic, ends):
                _print(_lines(records, batch))
    except KeyboardInterrupt:
        pass
    finally:
        log.close()


def _lines(records: Records, batch: RawBatch) -> list[Line]:
    """The records of a batch in its order, the bad ones in their places."""
    rows, bad = records.rows(batch)
    lines: list[Line] = rows.to_pylist(maps_as_pydicts="strict")
    for one in bad:
        place = {
            records.partition: batch.partition,
            records.offset: int(batch.offsets[one.index]),
            records.append_ms: int(batch.append_ms[one.index]),
        }
        lines.append({**place, "undecodable": one.detail, "value": one.value})
    return sorted(lines, key=itemgetter(records.offset)) if bad else lines


def _print(lines: list[Line]) -> None:
    sys.stdout.buffer.writelines(map(json_line, lines))
    sys.stdout.buffer.flush()


COMMANDS = [command]
"""What this module adds to the command line."""
