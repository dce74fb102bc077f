"""Which records count: against a row-by-row judge, however the partition is cut into frames."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.acceptance import BEGINNING, Acceptance, Accepted
from operators.base import Saved
from schemas.partitioner import partition_of
from tests.operators.events import event, frame

PARTITIONS = 3
USERS = np.arange(-10, 10)
HERE = [int(user) for user in USERS[partition_of(USERS, PARTITIONS) == 1]]
ELSEWHERE = int(USERS[partition_of(USERS, PARTITIONS) == 0][0])

rows = st.lists(
    st.tuples(
        st.builds(
            event,
            event_id=st.integers(0, 8),
            user_id=st.sampled_from([*HERE, ELSEWHERE]),
            at_ms=st.one_of(st.integers(0, 400), st.sampled_from([1 << 41, -(1 << 63)])),
        ),
        st.integers(-50, 100),
    ),
    max_size=40,
)


def judge(config: Acceptance, records: list[tuple[dict[str, Any], int]]) -> tuple[list[str], int]:
    """The verdict on each record, one by one, and the watermark after the last."""
    watermark = BEGINNING
    accepted: list[tuple[int, int]] = []
    verdicts = []
    for row, append_ms in records:
        at_ms = row["at_ms"]
        horizon = watermark - config.dedupe_horizon_ms
        if abs(at_ms) >= 1 << 41:
            verdict = "undecodable"
        elif row["user_id"] == ELSEWHERE:
            verdict = "partition"
        elif at_ms > append_ms + config.max_ahead_ms:
            verdict = "future"
        elif at_ms < watermark - config.allowed_lateness_ms or (
            config.live and at_ms < append_ms - config.allowed_lateness_ms
        ):
            verdict = "late"
        elif any(key == row["event_id"] and at > horizon for key, at in accepted):
            verdict = "repeat"
        else:
            verdict = "accepted"
            accepted.append((row["event_id"], at_ms))
            watermark = max(watermark, min(at_ms, append_ms))
        verdicts.append(verdict)
    return verdicts, watermark


@settings(max_examples=300, deadline=None)
@given(rows, st.booleans(), st.data())
def test_equals_one_by_one(
    offsets: list[tuple[dict[str, Any], int]], live: bool, data: st.DataObject
) -> None:
    """Every record gets the verdict of the row-by-row judge, in frames of any size, resumed anywhere."""
    config = Acceptance(1, PARTITIONS, "user_id", "event_id", live, 40, 60, 30)
    records = [(row, row["at_ms"] % (1 << 41) + ahead) for row, ahead in offsets]
    expected, watermark = judge(config, records)
    logic = config.build(Saved())
    tables: dict[str, list[Any]] = {"ids": []}
    found: list[str] = []
    while len(found) < len(records):
        size = data.draw(st.integers(1, len(records) - len(found)))
        part = records[len(found) : len(found) + size]
        whole = frame([row for row, _ in part], append_ms=[append_ms for _, append_ms in part])
        verdicts = ["accepted"] * size
        for effect in logic.on_rows(whole):
            if isinstance(effect, Accepted):
                kept = effect.frame
            else:
                for row, reason in zip(effect.rows.tolist(), effect.reasons, strict=True):
                    verdicts[row] = reason
        assert kept.watermark == logic.watermark
        assert len(kept) == verdicts.count("accepted")
        found += verdicts
        if data.draw(st.booleans()):
            delta = logic.snapshot()
            tables["ids"] += delta.tables.values()
            merge: bool = data.draw(st.booleans())
            if tables["ids"] and merge:
                tables["ids"] = [config.merge("ids", tables["ids"], delta.facts)]
            if data.draw(st.booleans()):
                logic = config.build(Saved(tables, delta.facts))
    assert found == expected
    assert logic.watermark == watermark


def test_a_repeat_with_a_later_time_moves_nothing() -> None:
    """The repeat would carry the watermark to 100 and make the third record late."""
    config = Acceptance(1, PARTITIONS, "user_id", "event_id", False, 40, 10, 1000)
    records = [event(event_id=1, at_ms=50), event(event_id=1, at_ms=100), event(event_id=2, at_ms=45)]
    effects = config.build(Saved()).on_rows(frame([{**row, "user_id": HERE[0]} for row in records]))
    assert [effect.rows.tolist() for effect in effects if not isinstance(effect, Accepted)] == [[1]]
