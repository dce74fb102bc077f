"""`headrace topics`: what is in the log, and which partition a record belongs to."""

import json
from typing import Any

import click
import numpy as np

from flows.cli.common import common_options, json_option
from flows.cli.table import print_table
from schemas.avro_words import type_in_words
from schemas.partitioner import TEST_VECTORS, key_bytes, partition_of
from schemas.records import avro_schema
from schemas.settings import Settings
from schemas.topics import TOPICS, Topic


@click.command()
@common_options
@json_option
@click.option(
    "--partitioner", is_flag=True, help="Print ids with their partitions, to test a producer against."
)
@click.option(
    "--create", is_flag=True, help="Create those that are missing, with the right partitions and cleanup."
)
def topics(settings: Settings, as_json: bool, partitioner: bool, create: bool) -> None:
    """Print every topic: its record and fields, its key, what places a record, and how long it is kept."""
    if create:
        from flows.cli.create_topics import create as create_topics

        create_topics(settings)
    elif partitioner:
        _print_partitioner(settings.partitions, as_json)
    elif as_json:
        click.echo(json.dumps([_topic(settings, topic) for topic in TOPICS.values()], indent=2))
    else:
        for topic in TOPICS.values():
            _print_topic(_topic(settings, topic))


def _topic(settings: Settings, topic: Topic) -> dict[str, Any]:
    return {
        "name": settings.topic_prefix + topic.name,
        **{field: getattr(topic, field) for field in topic.__struct_fields__ if field != "name"},
        "fields": [
            {"name": field["name"], "type": type_in_words(field["type"]), "doc": field.get("doc", "")}
            for field in avro_schema(topic.record)["fields"]
        ],
    }


def _print_topic(topic: dict[str, Any]) -> None:
    click.echo(f"{click.style(topic['name'], bold=True)}: {topic['doc']}")
    placed = {"id": "murmur2 of {}", "number": "the number {} itself", "first": "partition 0"}[
        topic["placement"]
    ]
    facts = {
        "record": f"{topic['record']}, or many in one {topic['batch']}"
        if topic["batch"]
        else topic["record"],
        "key": ", ".join(topic["key"]),
        "partition": placed.format(topic["placed_by"]),
        "cleanup": f"{topic['cleanup']}: {topic['retention']}",
        "written by": topic["writer"],
        "read by": ", ".join(topic["readers"]),
    }
    print_table([(f"  {name}", fact) for name, fact in facts.items()])
    click.echo()
    print_table([(f"    {field['name']}", _meaning(field)) for field in topic["fields"]])
    click.echo()


def _meaning(field: dict[str, str]) -> str:
    return f"{field['type']}. {field['doc']}" if field["doc"] else field["type"]


def _print_partitioner(partitions: int, as_json: bool) -> None:
    ids = np.array([id for id, _ in TEST_VECTORS], np.int64)
    places = partition_of(ids, partitions).tolist()
    rows = [
        {"id": id, "key": key.hex(), "murmur2": hashed, "partitions": partitions, "partition": place}
        for (id, hashed), key, place in zip(TEST_VECTORS, key_bytes(ids), places, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"partition = (murmur2(id as 8 bytes, big-endian) & 0x7fffffff) mod {partitions}\n")
    lines = [
        (str(row["id"]), str(row["key"]), f"{row['murmur2']:#010x}", str(row["partition"])) for row in rows
    ]
    print_table([("id", "key (hex)", "murmur2", "partition"), *lines])


COMMANDS = [topics]
