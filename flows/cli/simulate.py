"""`headrace simulate`: a network's traffic, made up from a seed, into a log."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from flows.cli.common import json_option
from flows.cli.steps import shown
from flows.cli.table import print_table
from flows.simulate import simulate_into
from schemas.settings import Settings, load
from schemas.settings_given import settings_file
from sources.simulate import Dirt, Traffic, Truth
from sources.simulate.traffic import DEFAULT_START_MS


@click.command("simulate")
@click.option("--users", type=int, default=20_000, show_default=True, help="Accounts in the network.")
@click.option("--hours", type=float, default=24.0, show_default=True, help="Length of the history.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another network.")
@click.option("--to", metavar="LOG", help="kafka://host:9092 or file:folder; else the setting log.")
@click.option(
    "--rate", type=float, default=20.0, show_default=True, help="Mean interactions of a user in a day."
)
@click.option("--posts", type=float, default=1.0, show_default=True, help="Mean posts of a user in a day.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ"]),
    default=f"{datetime.fromtimestamp(DEFAULT_START_MS / 1000, UTC):%Y-%m-%d}",
    show_default=True,
    metavar="TIME",
    help="Event time of the first interaction, UTC: 2026-01-31 or 2026-01-31T18:30.",
)
@click.option(
    "--batch", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Interactions in a message."
)
@click.option(
    "--dirt",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    help="How much of what should not be in a log: 1 as in real logs, 0 none.",
)
@click.option("--partitions", type=int, help="Partitions of each topic; else the setting partitions.")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings file (TOML).",
)
@json_option
def command(
    users: int,
    hours: float,
    seed: int,
    to: str | None,
    rate: float,
    posts: float,
    start: datetime,
    batch: int,
    dirt: float,
    partitions: int | None,
    settings_path: Path | None,
    as_json: bool,
) -> None:
    """Write the traffic of a social network that doesn't exist: users, follows, posts, interactions.

    It looks like real traffic: power-law followers, a daily wave with a burst of 20 times the mean, a few posts that
    take most of the views, clicks by position, labels that come minutes to days later, and repeats, late, future,
    misplaced and damaged records. The same options write the same bytes.

    The log must be empty. What was written is printed at the end: what a flow should accept and what it should set
    aside, by reason; beside a file log it is also in simulated.json. Each record carries its simulated arrival, so
    flows read such a log with time = "live", like one that was recorded.
    """
    given = {"log": to, "partitions": partitions}
    overrides = {name: value for name, value in given.items() if value is not None}
    settings = load(settings_file(settings_path, os.environ), os.environ, overrides)
    traffic = Traffic(
        users=users,
        hours=hours,
        seed=seed,
        partitions=settings.partitions,
        rate=rate,
        posts=posts,
        start_ms=int(start.replace(tzinfo=UTC).timestamp() * 1000),
        dirt=Dirt().times(dirt),
    )
    began = time.monotonic()
    with shown("simulate", "records") as watch:
        truth = simulate_into(settings, traffic, batch, watch)
    seconds = time.monotonic() - began
    if as_json:
        click.echo(msgspec.json.encode(truth).decode())
    else:
        _print(settings, truth, seconds)


def _print(settings: Settings, truth: Truth, seconds: float) -> None:
    messages = sum(truth.messages.values())
    accepted = sum(truth.interactions.values())
    click.echo(f"wrote {messages:,} messages to {settings.log} in {seconds:.1f} s")
    rows = [(topic, f"{number:,}") for topic, number in truth.messages.items()]
    rows += [("", ""), ("interactions to accept", f"{accepted:,}")]
    rows += [(f"  {word}", f"{number:,}") for word, number in truth.interactions.items()]
    rows += [("", ""), ("to set aside", f"{sum(truth.set_aside.values()):,}")]
    rows += [(f"  {reason}", f"{number:,}") for reason, number in truth.set_aside.items()]
    rows += [("", ""), ("hottest post", f"{truth.hottest_post} ({truth.hottest_views:,} views)")]
    print_table(rows)


COMMANDS = [command]
