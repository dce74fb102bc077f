"""`headrace schemas`: the records that cross a border, and how a schema registry knows them."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from flows.cli.common import common_options, json_option
from flows.cli.table import print_table
from flows.registering import BAD, Standing, check, needed_registry, register
from schemas.records import RECORDS, avro_schema, fingerprint, versions
from schemas.settings import Settings
from schemas.subjects import subjects
from schemas.topics import TOPICS

ACTIONS = {"register": register, "check": check}


@click.command("schemas")
@click.argument("action", type=click.Choice(list(ACTIONS)), required=False, metavar="[register|check]")
@common_options
@json_option
def command(action: str | None, settings: Settings, as_json: bool) -> None:
    """Print every record: its topics, its versions and their fingerprints.

    With register, put the current schema of each topic into the schema registry, under the topic's subject; what is
    there stays. With check, ask the registry whether each may follow the latest one of its subject. Exit code 1 if one
    may not.
    """
    if action is None:
        _print_records(settings, as_json)
    else:
        found = ACTIONS[action](settings, needed_registry(settings))
        sys.exit(any(one.state in BAD for one in _print_standings(found, as_json)))


def _print_records(settings: Settings, as_json: bool) -> None:
    records = [_record(settings, record) for record in RECORDS]
    if as_json:
        click.echo(json.dumps(records, indent=2))
        return
    rows = [
        (one["record"], str(version["version"]), version["fingerprint"], ", ".join(one["topics"]))
        for one in records
        for version in one["versions"]
    ]
    print_table([("record", "version", "fingerprint", "topics"), *rows])


def _record(settings: Settings, record: str) -> dict[str, Any]:
    found = [
        subject
        for topic in TOPICS
        for subject in subjects(settings.topic_prefix, topic)
        if subject.record == record
    ]
    return {
        "record": record,
        "topics": [settings.topic_prefix + subject.topic for subject in found],
        "subjects": [subject.name for subject in found],
        "versions": [
            {"version": number, "fingerprint": fingerprint(schema).hex()}
            for number, schema in enumerate(versions(record), 1)
        ],
        "schema": avro_schema(record),
    }


def _print_standings(found: Iterable[Standing], as_json: bool) -> list[Standing]:
    standings = list(found)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in standings], indent=2))
        return standings
    rows = [
        (one.subject, one.record, "" if one.schema_id is None else str(one.schema_id), _said(one))
        for one in standings
    ]
    print_table([("subject", "record", "id", ""), *rows])
    return standings


def _said(one: Standing) -> str:
    return f"{one.state}: {one.why}" if one.why else one.state


COMMANDS = [command]
