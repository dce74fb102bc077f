"""What every flow is made of, whoever draws it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.bad_share import BadShare
from flows.bind import dataflow
from flows.collector import Collector
from flows.drawing import Output
from flows.failure import Failure
from flows.inputs import Inputs
from flows.intake import Intake
from flows.observe import Observer
from flows.peers import Peers
from flows.placement import Placement
from flows.plan import Plan, Stop
from flows.run import FLOWS
from schemas.errors import HeadraceError
from schemas.settings import Settings
from sources.file_log import FileLog
from state.durable import Durable

PACKAGES = ("flows", "sources", "sinks")


class Refusing:
    """An output that Redis or a log has refused."""

    def write(self, items: list[Any]) -> None:
        pass

    def hurry(self, seconds: float) -> None:
        pass

    def flush(self) -> None:
        raise HeadraceError("it was refused")

    def close(self) -> None:
        pass


def plan(name: str, folder: Path) -> Plan:
    settings = Settings(partitions=1)
    observer = Observer(name)
    durable = Durable()
    intake = Intake(settings, FileLog(folder), folder, {}, BadShare.of(settings), observer, durable)
    drawing = FLOWS[name](settings, observer)
    return Plan(
        drawing,
        settings,
        intake,
        folder,
        Inputs(()),
        Stop(1.0),
        Placement(2),
        durable,
        Collector(1.0),
        Peers(folder, (), 0, 1.0),
    )


def sinks(steps: Any) -> Iterator[Any]:
    """Every sink of a dataflow, however deep."""
    for step in steps:
        if getattr(step, "sink", None) is not None:
            yield step.sink
        yield from sinks(getattr(step, "substeps", ()))


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_every_sink_is_flushed_before_a_snapshot_counts(name: str, tmp_path: Path) -> None:
    """Each is partitioned, so the engine waits for its snapshot, and its snapshot fails when the flush does."""
    drawn = plan(name, tmp_path)
    outputs: dict[str, Output] = {write.name: Refusing() for write in drawn.drawing.writes}
    failure = Failure(drawn.intake.observer.fail)
    found = list(sinks(dataflow(drawn, failure, outputs).substeps))
    assert len(found) == len(drawn.drawing.writes)
    for sink in found:
        assert isinstance(sink, FixedPartitionedSink)
        part = sink.build_part("step", sink.list_parts()[0], None)
        assert isinstance(part, StatefulSinkPartition)
        try:
            with pytest.raises(HeadraceError, match="it was refused"):
                part.snapshot()
        finally:
            failure.speak_again()


def test_nothing_else_is_used_to_write() -> None:
    """No code names a sink that the engine does not wait for."""
    for package in PACKAGES:
        for file in sorted(Path(package).rglob("*.py")):
            names = {node.id for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name)}
            assert not names & {"DynamicSink", "KafkaSink", "StatelessSinkPartition"}, file


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_every_stream_leads_somewhere(name: str, tmp_path: Path) -> None:
    """Refused records and effects are always written: no way out is left open."""
    drawing = plan(name, tmp_path).drawing
    used = {step.source for step in drawing.keeps} | {step.source for step in drawing.spreads}
    used |= {source for step in drawing.writes for source in step.sources}
    for read in drawing.reads:
        assert {read.rows, read.refused} <= used
    assert {step.effects for step in drawing.keeps} | {step.items for step in drawing.spreads} <= used
