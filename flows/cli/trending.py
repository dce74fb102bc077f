"""`headrace trending`: what people engage with now."""

import json
from typing import Any

import click
from rich.table import Table

from flows.cli.common import common_options, json_option
from flows.cli.numbers import shown
from flows.cli.spark import bar, spark
from flows.cli.terminal import console
from schemas.settings import Settings
from serving.trending import EVERYWHERE, read_trending

WIDTH = 20
PICTURES = (" ", "24h > 5m")
SPARK = ("24h", "1h", "30m", "5m")


@click.command()
@click.argument("region", default=EVERYWHERE)
@click.option(
    "-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="How many posts."
)
@common_options
@json_option
def trending(settings: Settings, region: str, count: int, as_json: bool) -> None:
    """Print the posts with most engagements an hour, in a region or everywhere, as Redis holds them."""
    found = read_trending(settings, region, count)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        print_trending(found)


def print_trending(found: dict[str, Any]) -> None:
    """Print what `serving.trending.read_trending` gave."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "post", "engagements/h", " ", "24h > 5m", "impressions 1h", "CTR 1h", "trend"):
        table.add_column(heading, justify="left" if heading in PICTURES else "right")
    posts = found["posts"]
    fastest = max((post["velocity"] for post in posts), default=0.0) or 1.0
    for rank, post in enumerate(posts, 1):
        features = post["features"] or {}
        table.add_row(
            f"[dim]{rank}[/]",
            str(post["post_id"]),
            f"{post['velocity']:,.0f}",
            f"[cyan]{bar(post['velocity'] / fastest, WIDTH)}[/]",
            f"[green]{spark([features.get(f'post_velocity_{window}') for window in SPARK])}[/]",
            shown("impressions", features.get("post_impressions_1h")),
            shown("ctr", features.get("post_ctr_1h")),
            shown("trend", features.get("post_trend_1h")),
        )
    out = console()
    where = "everywhere" if found["region"] == EVERYWHERE else f"in {found['region']}"
    out.print(f"[bold]trending {where}[/]")
    out.print()
    out.print(table)


COMMANDS = [trending]
