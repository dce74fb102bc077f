"""A record of ten megabytes: set aside by its size alone, and only its beginning is kept."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.letters import dead_letters
from tests.faults.outcome import ran
from tests.faults.traffic import good, refused, write, wrong_vectors
from tests.flows.harness import PARTITIONS, Place
from tests.operators.events import event
from tests.services.broker import Broker

NOW = 1_760_000_000_000
KEPT = 65_536


@pytest.mark.parametrize("log", ["file", "kafka"])
@pytest.mark.parametrize("readable", [True, False])
def test_ten_megabytes(
    log: str, readable: bool, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path
) -> None:
    place = Place(
        kafka.url if log == "kafka" else f"file:{tmp_path / 'log'}",
        redis_url,
        tmp_path / "state",
        {"HEADRACE_TOPIC_PREFIX": topic_prefix if log == "kafka" else ""},
    )
    row = event(event_id=-1, user_id=7, surface="x" * 10_000_000, at_ms=NOW)
    large = refused(row, value=None if readable else b"\xc3\x01" + bytes(10_000_000))
    assert large.value is not None
    clean = good(NOW)
    write(place, [*clean[:100], large, *clean[100:]])
    ran(place).went_well()
    [letter] = dead_letters(place)
    assert letter["reason"] == "too_large"
    assert letter["value"] == large.value[:KEPT]
    assert f"cut from {len(large.value)} bytes" in letter["detail"]
    assert not wrong_vectors(clean, place)


def test_a_key_of_two_megabytes(kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path) -> None:
    """A dead letter always fits into its topic, which takes a megabyte."""
    place = Place(kafka.url, redis_url, tmp_path / "state", {"HEADRACE_TOPIC_PREFIX": topic_prefix})
    bad = replace(
        refused(event(user_id=7, at_ms=NOW), value=b"bad"), key=random.Random(1).randbytes(2_000_000)
    )
    kafka.create_topic(
        f"{topic_prefix}interactions",
        PARTITIONS,
        {"max.message.bytes": "4000000", "message.timestamp.type": "CreateTime"},
    )
    clean = good(NOW)
    write(place, [*clean[:100], bad, *clean[100:]])
    ran(place).went_well()
    [letter] = dead_letters(place)
    assert letter["value"] == b"bad"
    assert bad.key is not None
    assert letter["key"] == bad.key[:1_024]
    assert not wrong_vectors(clean, place)
