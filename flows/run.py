"""Starts a flow: checks what it needs, opens log and state, runs it on the engine, and stops it in order."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from flows import bind, loop, windows
from flows.bad_share import BadShare
from flows.codecs import reading
from flows.collector import Collector
from flows.drawing import Drawing
from flows.fingerprint import check_fingerprint, save_fingerprint
from flows.inputs import Inputs
from flows.intake import Intake
from flows.observe import Observer
from flows.peers import Peers
from flows.placement import Placement
from flows.plan import Plan, Stop
from flows.told import told
from operators.kernels import kernels
from schemas.errors import UsageError
from schemas.nearest import nearest
from schemas.settings import Settings
from sources.open_log import open_log
from sources.schema_registry import SchemaRegistry
from state.durable import Durable
from state.lock import StateLock

log = logging.getLogger(__name__)

Draw = Callable[[Settings, Observer], Drawing]

FLOWS: Mapping[str, Draw] = {windows.NAME: windows.drawing}
"""Every flow by name."""

ENGINES: Mapping[str, Callable[[Plan], None]] = {"bytewax": bind.run, "loop": loop.run}


def run(
    name: str,
    settings: Settings,
    until_end: bool = False,
    observer: Observer | None = None,
    addresses: tuple[str, ...] = (),
    index: int = 0,
) -> None:
    """Run a flow, live or up to the present end of its inputs; SIGTERM and SIGINT stop it in order.

    With `addresses` (host:port of each process) this is process `index` of a cluster, which shares the state directory.
    Raises `UsageError` for an unknown flow, `HeadraceError` when the data or a service makes it stop.
    """
    if name not in FLOWS:
        raise UsageError(f"there is no flow {name!r} (there are: {', '.join(FLOWS)}){nearest(name, FLOWS)}")
    if addresses and settings.engine != "bytewax":
        raise UsageError(
            f'a cluster needs engine = "bytewax", not "{settings.engine}": leave out --addresses'
        )
    placement = Placement(settings.shards, len(addresses) or 1, index)
    observer = observer or Observer(name)
    observer.index, observer.processes = placement.index, placement.processes
    state = Path(settings.state) / name
    drawing = FLOWS[name](settings, observer)
    with ExitStack() as stack:
        seat = index if addresses else None
        stack.enter_context(StateLock(state, ",".join(addresses), seat))
        stack.enter_context(told(observer, settings, drawing))
        for sentence in check_fingerprint(state, settings):
            log.warning("%s", sentence)
        events = open_log(settings, name)
        stack.callback(events.close)
        inputs = Inputs.of(events, drawing, settings, until_end)
        save_fingerprint(state, settings)
        observer.expects(inputs.ends)
        observer.where.expects({part: end for part, end in inputs.now.items() if placement.reads(part)})
        durable = Durable()
        stack.callback(durable.close)
        registry = SchemaRegistry.of(settings)
        observer.registry = registry
        codecs = reading(settings, inputs.topics, registry)
        intake = Intake(settings, events, state, codecs, BadShare.of(settings), observer, durable)
        stop = stack.enter_context(Stop(settings.stop_ms / 1000).on_signals())
        if registry is not None:
            stop.covers([registry])
        prepare_inner_loops()
        peers = Peers(state, addresses, index, settings.peer_wait_ms / 1000)
        if not peers.wait(lambda: stop.asked):
            return
        collector = stack.enter_context(Collector(settings.epoch_ms / 1000).at_rest())
        ENGINES[settings.engine](
            Plan(drawing, settings, intake, state, inputs, stop, placement, durable, collector, peers)
        )


def prepare_inner_loops() -> None:
    """Compile them before the first record; what was compiled lies on disk for the next start."""
    began = time.monotonic()
    form = kernels().form
    log.info("inner loops: %s, ready in %.1f s", form, time.monotonic() - began)
