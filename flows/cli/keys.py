"""`headrace keys`: what is in Redis, under which names."""

import json
from typing import Any

import click

from flows.cli.common import common_options, json_option
from flows.cli.key_memory import measured
from flows.cli.table import print_table
from schemas.errors import HeadraceError
from schemas.keys import KEYS
from schemas.settings import Settings


@click.command()
@common_options
@json_option
def keys(settings: Settings, as_json: bool) -> None:
    """Print every key in Redis: its type, what is in it, who writes it, and how long it lives.

    Where a Redis answers, an example of each is written to it for a moment, under a name of its own, to measure
    its memory.
    """
    try:
        memory, missing = measured(settings), ""
    except HeadraceError as error:
        memory, missing = {}, str(error)
    rows = [
        {
            "key": settings.redis_prefix + kind.pattern,
            "type": kind.type,
            "example": settings.redis_prefix + kind.example,
            "writer": kind.writer,
            "ttl": kind.ttl,
            "memory_bytes": memory.get(name),
            "planned": kind.planned,
            "doc": kind.doc,
        }
        for name, kind in KEYS.items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [[str(cell) for cell in _cells(row)] for row in rows]
    print_table([("key", "type", "example", "writer", "ttl", "bytes", "meaning"), *lines])
    if missing:
        click.echo(f"\nMemory was not measured: {missing}.")


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    meaning = f"{row['doc']} (not written yet)" if row["planned"] else row["doc"]
    return (
        row["key"],
        row["type"],
        row["example"],
        row["writer"],
        row["ttl"],
        row["memory_bytes"] or "",
        meaning,
    )


COMMANDS = [keys]
