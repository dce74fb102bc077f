"""`headrace topics | keys | features --registry` print what the tables say."""

import json
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from flows.cli import headrace
from schemas.errors import UsageError
from schemas.keys import KEYS
from schemas.partitioner import TEST_VECTORS
from schemas.registry import Registry
from schemas.topics import TOPICS


def run(*words: str) -> Result:
    return CliRunner().invoke(headrace, words)


def printed(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_topics_are_printed_with_their_fields() -> None:
    topics = {topic["name"]: topic for topic in printed("topics")}
    assert list(topics) == list(TOPICS)
    follows = topics["follows"]
    assert (follows["key"], follows["placed_by"], follows["cleanup"]) == (
        ["follower_id", "author_id"],
        "follower_id",
        "compact",
    )
    types = {field["name"]: field["type"] for field in topics["interactions"]["fields"]}
    assert types["type"].startswith("impression | click | like")
    assert types["position"] == "int, or null"
    text = run("topics").output
    for topic in topics.values():
        assert [field["name"] for field in topic["fields"] if f"    {field['name']} " not in text] == []


def test_a_prefix_is_part_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", "blue.")
    monkeypatch.setenv("HEADRACE_REDIS_PREFIX", "blue:")
    assert printed("topics")[0]["name"] == "blue.posts"
    assert printed("keys", "--redis", "unix:///nowhere")[0]["key"] == "blue:features:post:<post>"


def test_the_partitioner_is_shown_by_test_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PARTITIONS", "8")
    rows = printed("topics", "--partitioner")
    for row in rows:
        assert bytes.fromhex(row["key"]) == row["id"].to_bytes(8, "big", signed=True)
        assert row["partition"] == (row["murmur2"] & 0x7FFFFFFF) % 8
    assert [(row["id"], row["murmur2"]) for row in rows] == list(TEST_VECTORS)
    assert "mod 8" in run("topics", "--partitioner").output


def test_the_registry_is_printed_as_json() -> None:
    assert printed("features", "--registry") == Registry.load().as_json()


def test_the_registry_is_printed_as_text() -> None:
    output = run("features", "--registry").output
    for feature in Registry.load().features:
        assert f"\n{feature.name} " in output
    assert "smooth(clicks, impressions, p0_ctr)" in output
    assert "\na " in output


@pytest.mark.parametrize("words", [[], ["post"], ["page", "3"]])
def test_features_says_what_it_needs(words: list[str]) -> None:
    assert isinstance(run("features", *words).exception, UsageError)


def test_keys_are_printed_without_a_redis() -> None:
    rows = printed("keys", "--redis", "unix:///nowhere")
    assert [row["key"] for row in rows] == [kind.pattern for kind in KEYS.values()]
    assert {row["memory_bytes"] for row in rows} == {None}
    assert "Memory was not measured: " in run("keys", "--redis", "unix:///nowhere").output


def test_keys_measure_an_example_of_each_and_leave_nothing(redis_url: str) -> None:
    memory = {row["key"]: row["memory_bytes"] for row in printed("keys", "--redis", redis_url)}
    vector = 16 + 4 * len(Registry.load().entity("post"))
    assert vector < memory["features:post:<post>"] < vector + 200
    assert memory["inbox:{<user>}"] < 112 * 40
    assert None not in memory.values()
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
