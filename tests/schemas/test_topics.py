"""Topics: one record each, and nothing that no topic names."""

import pyarrow as pa
import pytest

from schemas.records import BATCHED, RECORDS, arrow_schema
from schemas.topics import TOPICS, Topic


def test_every_record_is_in_a_topic() -> None:
    named = {topic.record for topic in TOPICS.values()} | {topic.batch for topic in TOPICS.values()} - {""}
    assert named == set(RECORDS)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_keys_and_places_are_fields_of_the_record(topic: Topic) -> None:
    columns = arrow_schema(topic.record)
    assert {*topic.key, topic.placed_by} <= set(columns.names)
    expected = {"id": pa.int64(), "number": pa.int32(), "first": pa.string()}[topic.placement]
    assert columns.field(topic.placed_by).type == expected
    assert topic.batch == BATCHED.get(topic.record, "")


def test_what_one_user_saw_did_and_follows_meets_in_one_partition() -> None:
    placed = {topic.name: topic.placed_by for topic in TOPICS.values()}
    assert [placed[name] for name in ("interactions", "served", "users", "activity", "training")] == [
        "user_id"
    ] * 5
    assert placed["follows"] == "follower_id"


def test_the_end_of_what_others_write_is_fixed() -> None:
    external = {topic.name for topic in TOPICS.values() if topic.external}
    assert external == {"posts", "follows", "users", "interactions", "served", "pulse"}


def test_compacted_topics() -> None:
    assert {topic.name for topic in TOPICS.values() if topic.cleanup == "compact"} == {
        *("follows", "users", "activity", "follower_counts", "tiers", "models", "progress")
    }
