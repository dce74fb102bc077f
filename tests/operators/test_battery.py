"""What must hold for every operator there is: its results depend on the log alone."""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import operators
from operators.base import Logic, Operator, Saved, Trailing
from schemas.frame import Frame
from tests.operators.cases import CASES, Case, Row
from tests.operators.events import frame


def every_operator() -> Iterator[type[Operator]]:
    """All subclasses of Operator in the package, however deep."""
    for module in pkgutil.iter_modules(operators.__path__):
        importlib.import_module(f"operators.{module.name}")
    waiting = list(Operator.__subclasses__())
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.startswith("operators."):
            yield found


def test_every_operator_has_a_case() -> None:
    """An operator without a case would not be tested here."""
    assert set(every_operator()) == set(CASES)


FAR = 1 << 61


class Log:
    """Rows in partitions, with offsets that tell them apart, and a reader's position and watermark in each.

    With a `lateness` (ms) there are no rows later than that.
    """

    def __init__(self, rows: list[Row], partitions: int, lateness: int | None) -> None:
        self.lateness = FAR if lateness is None else lateness
        self.partitions = [self._timely(rows[number::partitions]) for number in range(partitions)]
        self.first = np.concatenate(([0], np.cumsum([len(part) for part in self.partitions])))
        self.read = [0] * partitions

    def _timely(self, rows: list[Row]) -> list[Row]:
        timely: list[Row] = []
        for row in rows:
            if row["at_ms"] >= max((one["at_ms"] for one in timely), default=-FAR) - self.lateness:
                timely.append(row)
        return timely

    def time(self) -> tuple[int, int]:
        """The clock, and before which time everything is settled."""
        reached = [
            max((row["at_ms"] for row in part[:count]), default=-FAR)
            for part, count in zip(self.partitions, self.read, strict=True)
        ]
        return max(reached), min(reached) - self.lateness

    def unread(self) -> list[int]:
        return [number for number, part in enumerate(self.partitions) if self.read[number] < len(part)]

    def take(self, partition: int, size: int) -> Frame:
        start = self.read[partition]
        part = self.partitions[partition][start : start + size]
        self.read[partition] += len(part)
        reached = max(row["at_ms"] for row in self.partitions[partition][: self.read[partition]])
        offsets = self.first[partition] + np.arange(start, start + len(part))
        return replace(frame(part, partition, watermark=reached), offsets=offsets)


def feed(case: Case, logic: Logic, rows: Frame) -> list[Any]:
    """Give a logic what its case makes of a frame."""
    return [effect for item in case.adapt(rows) for effect in logic.on_rows(item)]


def run_through(case: Case, log: Log) -> list[Any]:
    """One frame a row, partition after partition, written out at the end only."""
    logic = case.operator.build(Saved())
    effects: list[Any] = []
    for partition in log.unread():
        while partition in log.unread():
            effects += feed(case, logic, log.take(partition, 1))
            effects += logic.on_time(*log.time())
    return effects + logic.drain(urgent_only=False)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_splits_interleavings_resumption_and_replay(kind: type[Operator], data: st.DataObject) -> None:
    """However it is cut, interleaved, drained, saved, merged, resumed and replayed, the outcome is the same.

    What feeds an operator that saves nothing tells it everything again.
    """
    case = CASES[kind]
    rows = data.draw(case.rows)
    expected = case.outcome(run_through(case, Log(rows, case.partitions, case.lateness)))

    log, effects = Log(rows, case.partitions, case.lateness), []
    logic: Logic = case.operator.build(Saved())
    tables: dict[str, list[Any]] = defaultdict(list)
    saved, position = Saved(), list(log.read)
    crashes = 0
    while log.unread():
        partition = data.draw(st.sampled_from(log.unread()))
        effects += feed(case, logic, log.take(partition, data.draw(st.integers(1, 8))))
        effects += logic.on_time(*log.time())
        step = data.draw(st.sampled_from(["go on", "drain", "urgent", "ahead", "trail", "save", "crash"]))
        if step in ("drain", "urgent"):
            effects += logic.drain(urgent_only=step == "urgent")
        elif step == "ahead" and isinstance(logic, Trailing):
            effects += logic.drain_ahead()
        elif step == "trail" and isinstance(logic, Trailing):
            effects += logic.trail(data.draw(st.integers(0, 1)), data.draw(st.sampled_from([0.0, 0.4, 1.0])))
        elif step == "save":
            delta = logic.snapshot()
            for name, table in delta.tables.items():
                tables[name] = [*tables[name], table]
                if len(tables[name]) > 2:
                    tables[name] = [logic.prune(name, case.operator.merge(name, tables[name], delta.facts))]
            saved, position = Saved(dict(tables), delta.facts), list(log.read)
        elif step == "crash" and crashes < 3:
            crashes += 1
            logic, log.read = case.operator.build(saved), list(position)
            if not case.operator.tables():
                log.read = [0] * case.partitions
            tables = defaultdict(list, {name: list(parts) for name, parts in saved.tables.items()})
    effects += logic.drain(urgent_only=False)
    assert case.outcome(effects) == expected
