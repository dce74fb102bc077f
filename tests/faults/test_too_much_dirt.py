"""A share of dead letters above the limit stops a flow; every one that was read is in the topic."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.letters import dead_letters
from tests.faults.outcome import ran
from tests.faults.traffic import Message, good, write, wrong_vectors
from tests.flows.harness import Place
from tests.services.broker import Broker

NOW = 1_760_000_000_000
LIMIT = {"HEADRACE_DEAD_LETTERS__MINIMUM": "20", "HEADRACE_DEAD_LETTERS__WINDOW": "100"}
DAY = 86_400_000


@pytest.fixture(params=["file bytewax", "file loop", "kafka bytewax"])
def place(
    request: pytest.FixtureRequest, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path
) -> Place:
    """A place with a small window for the share of dead letters."""
    log, engine = request.param.split()
    more = {"HEADRACE_ENGINE": engine, "HEADRACE_TOPIC_PREFIX": topic_prefix if log == "kafka" else ""}
    where = kafka.url if log == "kafka" else f"file:{tmp_path / 'log'}"
    return Place(where, redis_url, tmp_path / "state", {**LIMIT, **more})


def spoiled(messages: list[Message]) -> list[Message]:
    """Every third one cut off, every tenth of the others appended a day before its event."""
    spoiled = []
    for number, one in enumerate(messages):
        if number % 3 == 0 and one.value is not None:
            spoiled.append(replace(one, value=one.value[:-1], events=()))
        elif number % 10 == 1:
            spoiled.append(replace(one, append_ms=one.append_ms - DAY, events=()))
        else:
            spoiled.append(one)
    return spoiled


@pytest.mark.parametrize("frame_rows", ["20", "50000"])
def test_it_stops_with_the_reasons(place: Place, frame_rows: str) -> None:
    """In the middle, or at the end of a log that one frame holds; with a higher limit it then goes on."""
    place = replace(place, more={**place.more, "HEADRACE_FRAME_ROWS": frame_rows})
    messages = spoiled(good(NOW, count=400))
    write(place, messages)
    said = ran(place).sentence()
    assert "records are dead letters (" in said
    assert " undecodable, " in said
    assert " future), more than the share 0.05 that dead_letters.limit allows: see what they are" in said
    told = int(said.split(" of the latest")[0])
    assert len(dead_letters(place)) >= told
    higher = replace(place, more={**place.more, "HEADRACE_DEAD_LETTERS__LIMIT": "1"})
    ran(higher).went_well()
    bad = Counter((one["partition"], one["offset"], one["reason"]) for one in dead_letters(place))
    assert len(bad) == sum(not one.events for one in messages)
    assert not wrong_vectors(messages, place)
