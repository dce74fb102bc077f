from pathlib import Path

import pyarrow as pa
import pytest

from flows.checks.finding import Finding
from flows.checks.log import check_log
from schemas.codec import Codec
from schemas.records import arrow_schema
from schemas.settings import Settings, load
from sinks.open_writer import open_writer
from tests.services.broker import Broker
from tests.services.ports import free_port

EVENT = {
    "event_id": 1,
    "type": "click",
    "user_id": 2,
    "post_id": 3,
    "author_id": 4,
    "content_type": "photo",
    "surface": "home",
    "at_ms": 5,
}


def event() -> bytes:
    schema = arrow_schema("Interaction")
    columns = [
        pa.array([EVENT.get(field.name)], pa.string()) if pa.types.is_dictionary(field.type) else None
        for field in schema
    ]
    arrays = [
        column.cast(field.type) if column is not None else pa.array([EVENT.get(field.name)], field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return Codec("Interaction").encode(pa.RecordBatch.from_arrays(arrays, schema=schema))[0]


def fill(settings: Settings, values: list[bytes | None]) -> None:
    writer = open_writer(settings)
    writer.create(["interactions", "users"], 2)
    writer.write("interactions", 1, values)
    writer.flush()
    writer.close()


@pytest.fixture(params=["file", "kafka"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, topic_prefix: str) -> Settings:
    place = f"file:{tmp_path}/log"
    if request.param == "kafka":
        broker: Broker = request.getfixturevalue("kafka")
        place = broker.url
    return load(overrides={"log": place, "topic_prefix": topic_prefix, "partitions": 2})


def texts(findings: list[Finding], level: str) -> list[str]:
    return [finding.text for finding in findings if finding.level == level]


def test_a_log_in_order_is_all_ok(settings: Settings) -> None:
    fill(settings, [event()] * 3)
    found = check_log(settings)
    prefix = settings.topic_prefix
    assert texts(found, "warn") + texts(found, "fail") == []
    assert f"topic {prefix}interactions: 2 partitions, 3 messages" in texts(found, "ok")
    assert "topic interactions: its newest 3 records can be read" in texts(found, "ok")
    assert f"topic {prefix}posts is not there, nothing needs it yet" in texts(found, "ok")


def test_a_missing_topic_that_is_needed_fails(settings: Settings) -> None:
    writer = open_writer(settings)
    writer.create(["users"], 2)
    writer.close()
    [sentence] = texts(check_log(settings), "fail")
    assert "interactions" in sentence
    assert "headrace topics --create" in sentence


def test_another_number_of_partitions_fails(settings: Settings) -> None:
    fill(settings, [event()])
    other = load(overrides={"log": settings.log, "topic_prefix": settings.topic_prefix, "partitions": 64})
    [first, _] = [finding for finding in check_log(other) if finding.level == "fail"]
    assert "has 2 partitions, the setting partitions is 64" in first.text
    assert first.advice.startswith("set partitions = 2")


def test_records_of_an_unknown_writer_are_a_warning(settings: Settings) -> None:
    fill(settings, [event(), b"\xc3\x01unknown!" + bytes(20), None])
    [sentence] = texts(check_log(settings), "warn")
    assert sentence.startswith("topic interactions: 1 of its newest 2 records can't be read (")


def test_message_times_of_producers_are_a_warning(kafka: Broker, topic_prefix: str) -> None:
    kafka.create_topic(f"{topic_prefix}interactions", 2, {"message.timestamp.type": "CreateTime"})
    live = load(overrides={"log": kafka.url, "topic_prefix": topic_prefix, "partitions": 2})
    history = load(
        overrides={"log": kafka.url, "topic_prefix": topic_prefix, "partitions": 2, "time": "history"}
    )
    [finding] = [finding for finding in check_log(live) if finding.level == "warn"]
    assert "keeps CreateTime" in finding.text
    assert "message.timestamp.type=LogAppendTime" in finding.advice
    assert texts(check_log(history), "warn") == []


def test_a_log_that_is_not_there_fails(tmp_path: Path) -> None:
    [finding] = check_log(load(overrides={"log": f"file:{tmp_path}/none"}))
    assert (finding.level, finding.advice[:7]) == ("fail", "fill it")
    [finding] = check_log(load(overrides={"log": f"kafka://127.0.0.1:{free_port()}"}))
    assert "did not answer for 5 s" in finding.text
