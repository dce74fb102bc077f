"""Dead letters lie where their records lay, with their bytes, up to 64 KiB of them."""

from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.frame import DeadLetters
from schemas.settings import Settings, load
from sinks.dead_letters import LONGEST_VALUE, TOPIC, DeadLetterSink
from sources.open_log import open_log
from tests.services.broker import Broker
from tests.sources.places import everything


@pytest.fixture(params=["file log", "kafka"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "file log":
        return load(overrides={"log": f"file:{tmp_path}", "partitions": 4})
    kafka: Broker = request.getfixturevalue("kafka")
    prefix = request.getfixturevalue("topic_prefix")
    return load(overrides={"log": kafka.url, "partitions": 4, "topic_prefix": prefix})


def _letters(partition: int, values: list[bytes | None]) -> DeadLetters:
    count = len(values)
    return DeadLetters(
        "interactions",
        partition,
        list(range(70, 70 + count)),
        ["late"] * count,
        ["too late"] * count,
        [b"key"] * count,
        values,
        [5] * count,
    )


def _read(settings: Settings, partition: int) -> list[dict[str, Any]]:
    read = everything(open_log(settings), TOPIC, partition)
    assert set(read.keys) <= {b"interactions"}
    decoded = Codec("DeadLetter").decode([value for value in read.values if value is not None])
    assert not decoded.bad
    rows: list[dict[str, Any]] = decoded.rows.to_pylist()
    return rows


def test_letters_lie_in_the_partition_of_their_record(settings: Settings) -> None:
    sink = DeadLetterSink.from_settings(settings, "windows")
    sink.write([_letters(1, [b"one", None]), _letters(3, [b"three"])])
    sink.flush()
    assert [len(_read(settings, partition)) for partition in range(4)] == [0, 2, 0, 1]
    first, second = _read(settings, 1)
    assert first == {
        "topic": "interactions",
        "partition": 1,
        "offset": 70,
        "reason": "late",
        "detail": "too late",
        "flow": "windows",
        "key": b"key",
        "value": b"one",
        "at_ms": 5,
    }
    assert (second["offset"], second["value"]) == (71, None)
    sink.close()


def test_a_long_value_is_cut_and_the_detail_says_so(settings: Settings) -> None:
    sink = DeadLetterSink.from_settings(settings, "windows")
    sink.write([_letters(0, [b"v" * LONGEST_VALUE, b"w" * 10_000_000])])
    sink.close()
    kept, cut = _read(settings, 0)
    assert (kept["value"], kept["detail"]) == (b"v" * LONGEST_VALUE, "too late")
    assert cut["value"] == b"w" * LONGEST_VALUE
    assert cut["detail"] == "too late; cut from 10000000 bytes"


def test_two_flows_may_write_dead_letters_of_one_partition(settings: Settings) -> None:
    one, other = (DeadLetterSink.from_settings(settings, flow) for flow in ("windows", "fanout"))
    for _ in range(2):
        for sink, value in ((one, b"a"), (other, b"b")):
            sink.write([_letters(0, [value])])
            sink.flush()
    assert [row["flow"] for row in _read(settings, 0)] == ["windows", "fanout"] * 2
    one.close()
    other.close()
