"""`headrace topics --create`: the topics of the log, each with the right partitions and cleanup."""

import click

from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.open_writer import open_writer


def create(settings: Settings) -> None:
    """Make the topics that are missing.

    Raises HeadraceError when one is there with another number of partitions; the others are made all the same.
    """
    writer = open_writer(settings)
    try:
        made = writer.create(TOPICS, settings.partitions)
    finally:
        writer.close()
    for topic in made:
        click.echo(f"made {settings.topic_prefix}{topic}")
    there = len(TOPICS) - len(made)
    click.echo(
        f"{len(made)} topics made in {settings.log}, {there} were there; {settings.partitions} partitions each"
    )
