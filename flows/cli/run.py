"""`headrace run`: runs a flow."""

import click

from flows import logs
from flows.cli.common import common_options
from flows.observe import Observer
from flows.progress import shown
from flows.run import run as run_flow
from schemas.errors import UsageError
from schemas.settings import Settings


@click.command()
@click.argument("flow", metavar="FLOW")
@click.option("--until-end", is_flag=True, help="Stop at the end that the inputs have now.")
@click.option(
    "--addresses",
    metavar="HOST:PORT,...",
    default="",
    help="Run as one process of a cluster: the address of each, in the same order everywhere. They trust each other.",
)
@click.option(
    "--index", type=click.IntRange(min=0), default=0, help="Which of the addresses is this one's, from 0."
)
@common_options
def run(flow: str, until_end: bool, addresses: str, index: int, settings: Settings) -> None:
    """Run a flow, live, until it is told to stop (SIGTERM, Ctrl-C); it then saves its state.

    The next run goes on from there, with as many processes as it then has.

    Flows: windows (live feature vectors and trending posts into Redis).
    """
    logs.begin(settings, flow, index)
    observer = Observer(flow)
    with shown(observer):
        run_flow(flow, settings, until_end, observer, _listed(addresses, index), index)
    click.echo(observer.summary())


def _listed(addresses: str, index: int) -> tuple[str, ...]:
    listed = tuple(address.strip() for address in addresses.split(",")) if addresses else ()
    for address in listed:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(f"--addresses: {address!r} is not HOST:PORT")
    if len(set(listed)) < len(listed):
        raise UsageError("--addresses names the same address twice: each process needs its own")
    if index >= max(1, len(listed)):
        raise UsageError(
            f"--index {index} is not one of the {max(1, len(listed))} addresses: they count from 0"
        )
    return listed


COMMANDS = [run]
