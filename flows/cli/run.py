"""`headrace run`: runs a flow."""

import logging

import click

from flows.cli.common import common_options
from flows.observe import Observer
from flows.progress import shown
from flows.run import run as run_flow
from schemas.settings import Settings


@click.command()
@click.argument("flow", metavar="FLOW")
@click.option("--until-end", is_flag=True, help="Stop at the end that the inputs have now.")
@common_options
def run(flow: str, until_end: bool, settings: Settings) -> None:
    """Run a flow, live, until it is told to stop (SIGTERM, Ctrl-C); it then saves its state.

    The next run goes on from there. Flows: windows (live feature vectors and trending posts into Redis).
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    observer = Observer(flow)
    with shown(observer):
        run_flow(flow, settings, until_end, observer)
    click.echo(observer.summary())


COMMANDS = [run]
