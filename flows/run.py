"""Starts a flow: checks what it needs, opens log and state, runs it on the engine, and stops it in order."""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flows import bind, loop, windows
from flows.bad_share import BadShare
from flows.drawing import Drawing
from flows.fingerprint import check_fingerprint, save_fingerprint
from flows.intake import Intake
from flows.observe import Observer
from flows.placement import Placement
from flows.plan import Plan, Stop
from schemas.codec import Codec
from schemas.errors import HeadraceError, UsageError
from schemas.nearest import nearest
from schemas.records import load_extra
from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.page import Page
from sources.log import Log
from sources.open_log import open_log
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
    state = Path(settings.state) / name
    drawing = FLOWS[name](settings, observer)
    with ExitStack() as stack:
        seat = index if addresses else None
        stack.enter_context(StateLock(state, ",".join(addresses), seat))
        for sentence in check_fingerprint(state, settings, drawing):
            log.warning("%s", sentence)
        events = open_log(settings, name)
        stack.callback(events.close)
        topics = _present(events, drawing, settings)
        found = _ends(events, topics)
        ends = found if until_end else {}
        optional = {topic for read in drawing.reads for topic in read.optional}
        first = {part: end for part, end in found.items() if part.rpartition("/")[0] in optional}
        save_fingerprint(state, settings, drawing)
        observer.expects(ends)
        if settings.metrics.port:
            stack.callback(Page(observer.metrics, settings.metrics.host, settings.metrics.port).close)
        durable = Durable()
        stack.callback(durable.close)
        intake = Intake(
            settings, events, state, _codecs(settings, topics), BadShare.of(settings), observer, durable
        )
        stop = stack.enter_context(Stop(settings.stop_ms / 1000).on_signals())
        stack.enter_context(_collector_at_rest())
        ENGINES[settings.engine](
            Plan(drawing, settings, intake, state, topics, ends, first, stop, placement, durable, addresses)
        )


def _present(events: Log, drawing: Drawing, settings: Settings) -> tuple[str, ...]:
    """The topics that are there, each with the right number of partitions; raises for one that must be there."""
    topics = []
    for read in drawing.reads:
        for topic in read.topics:
            try:
                found = events.partitions(topic)
            except HeadraceError:
                if topic not in read.optional:
                    raise
                log.warning("topic %r is not there; going on without it until the next start", topic)
                continue
            if found != settings.partitions:
                raise HeadraceError(
                    f"topic {topic!r} has {found} partitions and the setting partitions is {settings.partitions}: "
                    f"set partitions = {found} if the topic is right, else make the topic anew"
                )
            topics.append(topic)
    return tuple(topics)


def _ends(events: Log, topics: tuple[str, ...]) -> dict[str, int]:
    return {
        f"{topic}/{partition}": end for topic in topics for partition, end in enumerate(events.ends(topic))
    }


def _codecs(settings: Settings, topics: tuple[str, ...]) -> dict[str, Codec]:
    extra = load_extra(Path(settings.schema_path)) if settings.schema_path else {}
    records = {topic: TOPICS[topic].record for topic in topics}
    return {
        topic: Codec(record, extra.get(record, ()), settings.max_record_bytes)
        for topic, record in records.items()
    }


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Let the cyclic collector rest: it would walk every message of a batch again and again.

    What start-up made is frozen; the rest is collected once an epoch, after the snapshot.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
