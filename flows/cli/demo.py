"""`headrace demo`: a simulated network becomes live features, to look at and to try things on."""

import logging
import time
from pathlib import Path

import click

from flows.cli.steps import shown
from flows.demo.findings import look
from flows.demo.place import make_place
from flows.demo.report import print_report
from flows.observe import Observer
from flows.progress import shown as shown_flow
from flows.run import prepare_inner_loops, run
from flows.simulate import simulate_into
from schemas.errors import HeadraceError
from sources.simulate import Traffic
from sources.simulate.traffic import DEFAULT_START_MS, HOUR

EVENING_MS = DEFAULT_START_MS + 18 * HOUR
FLOW = "windows"


@click.command()
@click.option("--users", type=int, default=20_000, show_default=True, help="Accounts in the network.")
@click.option("--hours", type=float, default=2.0, show_default=True, help="Length of the evening.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another network.")
@click.option(
    "--rate", type=float, default=720.0, show_default=True, help="Mean interactions of a user in a day."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".headrace/demo"),
    show_default=True,
    help="Where log, state and Redis of the demo are; an earlier demo in it is removed.",
)
def demo(users: int, hours: float, seed: int, rate: float, folder: Path) -> None:
    """Show headrace at work: simulate a social network's evening and turn it into live features in Redis.

    Needs no broker and no Redis: the log is a folder of files, and a Redis of the demo's own is started and left
    running, so that the commands which the report names can be tried.
    """
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    settings = make_place(folder)
    traffic = Traffic(
        users=users, hours=hours, seed=seed, rate=rate, partitions=settings.partitions, start_ms=EVENING_MS
    )
    click.echo(f"simulating {users:,} accounts and {hours:g} hours of their evening into {folder}")
    began = time.monotonic()
    with shown("simulate", "records") as watch:
        truth = simulate_into(settings, traffic, watch=watch)
    simulated_s = time.monotonic() - began

    click.echo("preparing inner loops, which takes a while the first time")
    prepare_inner_loops()
    click.echo(f"running the flow {FLOW!r} over {truth.messages['interactions']:,} interactions")
    observer = Observer(FLOW)
    began = time.monotonic()
    with shown_flow(observer):
        run(FLOW, settings, until_end=True, observer=observer)
    read_s = time.monotonic() - began
    if observer.total is None or observer.records < observer.total:
        raise HeadraceError("the demo was stopped before its end; run it again")
    print_report(settings, truth, observer, simulated_s, read_s, look(settings, truth))


COMMANDS = [demo]
