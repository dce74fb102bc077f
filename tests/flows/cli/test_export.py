"""`headrace export` and `headrace tail`: what is in a topic, as a file that can be imported again, and as JSON."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from schemas.frame import DeadLetters
from schemas.settings import load
from sinks.dead_letters import DeadLetterSink
from sinks.open_writer import open_writer
from tests.flows.cli.logs import PARTITIONS, Commands
from tests.flows.cli.test_import import NOON, interaction, jsonl_of, post

ENDINGS = pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])


def _read(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".csv":
        return pl.read_csv(file).to_dicts()
    return (pl.read_ndjson(file) if file.suffix == ".jsonl" else pl.read_parquet(file)).to_dicts()


@pytest.fixture
def filled(headrace: Commands, tmp_path: Path) -> Commands:
    """A log with some posts, interactions, and users of whom two are erased, one of them for a while."""
    users = [
        {
            "user_id": n,
            "country": "de",
            "language": "de",
            "created_ms": 5,
            "interests": ["sea"],
            "at_ms": NOON + n,
        }
        for n in range(-5, 5)
    ]
    gone = [{"user_id": n, "at_ms": NOON + 99, "_delete": True} for n in (-3, 3)]
    posts = [post(post_id=n, author_id=n, labels=["a|b", 'c"'], reply_to=n or None) for n in range(40)]
    events = [interaction(event_id=n, user_id=n, dwell_ms=None, append_ms=NOON + n % 5) for n in range(40)]
    for topic, rows in (("users", users + gone + users[8:]), ("posts", posts), ("interactions", events)):
        assert headrace("import", topic, jsonl_of(tmp_path, rows)).code == 0
    return headrace


@ENDINGS
@pytest.mark.parametrize("topic", ["users", "posts", "interactions"])
def test_an_export_imports_again(filled: Commands, tmp_path: Path, ending: str, topic: str) -> None:
    file = tmp_path / f"out.{ending}"
    outcome = filled("export", topic, "--to", file)
    assert outcome.code == 0
    before = filled.rows(topic)
    assert f"{sum(map(len, before))} rows of {topic} into {file}" in outcome.out
    copy = {"HEADRACE_TOPIC_PREFIX": "copy."}
    filled.env |= copy
    imported = filled("import", topic, file)
    assert (imported.code, imported.err) == (0, "")
    assert filled.rows(topic) == before


@ENDINGS
def test_an_export_says_where_each_row_was(filled: Commands, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"out.{ending}"
    filled("export", "interactions", "--to", file)
    places = [(row["partition"], row["offset"], row["append_ms"], row["event_id"]) for row in _read(file)]
    assert places == [
        (partition, offset, row["append_ms"], row["event_id"])
        for partition, rows in enumerate(filled.rows("interactions"))
        for offset, row in enumerate(rows)
    ]


def test_an_empty_topic_is_an_empty_table(headrace: Commands, tmp_path: Path) -> None:
    assert headrace("topics", "--create").code == 0
    assert headrace("export", "posts", "--to", tmp_path / "out.parquet").code == 0
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0
    assert headrace("tail", "posts").out == ""


def _damage(commands: Commands) -> None:
    writer = open_writer(load(env=commands.env))
    writer.write("interactions", 0, [b"garbage"], None, np.array([NOON + 77]))
    writer.flush()
    writer.close()


def test_what_can_not_be_decoded_is_counted(filled: Commands, tmp_path: Path) -> None:
    _damage(filled)
    offset = filled.log().ends("interactions")[0] - 1
    outcome = filled("export", "interactions", "--to", tmp_path / "out.csv")
    assert outcome.code == 0
    assert (
        f"1 records could not be decoded and are left out, the first at partition 0, offset {offset}: "
        in outcome.err
    )
    assert len(_read(tmp_path / "out.csv")) == 40


def test_a_failed_export_leaves_nothing(filled: Commands, tmp_path: Path) -> None:
    for segment in (tmp_path / "log" / "posts").rglob("*.avro"):
        segment.write_bytes(segment.read_bytes()[:-5])
    outcome = filled("export", "posts", "--to", tmp_path / "out.csv")
    assert (outcome.code, "is damaged" in outcome.err) == (1, True)
    assert not list(tmp_path.glob("*out.csv*"))
    assert filled("export", "users", "--to", tmp_path / "out.txt").code == 2
    assert filled("export", "users", "--to", tmp_path / "no" / "out.csv").code == 1


def test_tail_prints_the_newest_in_the_order_of_their_append_times(filled: Commands) -> None:
    lines = [json.loads(line) for line in filled("tail", "interactions", "-n", "12").out.splitlines()]
    everything = [
        (row["append_ms"], partition, offset, row["event_id"])
        for partition, rows in enumerate(filled.rows("interactions"))
        for offset, row in enumerate(rows)
    ]
    shown = [(line["append_ms"], line["partition"], line["offset"], line["event_id"]) for line in lines]
    assert shown == sorted(everything)[-12:]


def test_tail_shows_what_can_not_be_decoded(filled: Commands) -> None:
    _damage(filled)
    [line] = filled("tail", "interactions", "-n", "1").out.splitlines()
    shown = json.loads(line)
    assert (shown["append_ms"], shown["value"]) == (NOON + 77, "Z2FyYmFnZQ==")
    assert shown["undecodable"]


def test_dead_letters_are_shown_with_where_they_came_from(headrace: Commands, tmp_path: Path) -> None:
    settings = load(env=headrace.env)
    sink = DeadLetterSink.from_settings(settings, "windows")
    sink.write([DeadLetters("interactions", 2, [70], ["late"], ["too late"], [b"k"], [b"\x00"], [NOON])])
    sink.close()
    [line] = headrace("tail", "dead_letters").out.splitlines()
    shown = json.loads(line)
    assert shown | {"append_ms": 0} == {
        "log_partition": 2,
        "log_offset": 0,
        "append_ms": 0,
        "topic": "interactions",
        "partition": 2,
        "offset": 70,
        "reason": "late",
        "detail": "too late",
        "flow": "windows",
        "key": "aw==",
        "value": "AA==",
        "at_ms": NOON,
    }
    assert headrace("export", "dead_letters", "--to", tmp_path / "out.csv").code == 0
    assert _read(tmp_path / "out.csv")[0]["value"] == "AA=="


@pytest.mark.parametrize("log", ["headrace", "on_kafka"])
def test_tail_follows_until_it_is_interrupted(
    log: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    commands: Commands = request.getfixturevalue(log)
    assert commands("import", "interactions", jsonl_of(tmp_path, [interaction(event_id=1)])).code == 0
    tail = subprocess.Popen(
        [sys.executable, "-c", "from flows.cli import main; main()", "tail", "interactions", "-f"],
        env={**os.environ, **commands.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout is not None
    assert json.loads(tail.stdout.readline())["event_id"] == 1
    for number in (2, 3):
        commands("import", "interactions", jsonl_of(tmp_path, [interaction(event_id=number, user_id=number)]))
        assert json.loads(tail.stdout.readline())["event_id"] == number
    tail.send_signal(signal.SIGINT)
    rest, said = tail.communicate(timeout=30)
    assert (tail.returncode, rest, said) == (0, "", "")


def test_kafka_exports_what_the_file_log_exports(
    filled: Commands, on_kafka: Commands, tmp_path: Path
) -> None:
    assert filled("export", "interactions", "--to", tmp_path / "one.jsonl").code == 0
    assert on_kafka("import", "interactions", tmp_path / "one.jsonl").code == 0
    assert on_kafka("export", "interactions", "--to", tmp_path / "other.jsonl").code == 0
    assert (tmp_path / "other.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_a_missing_topic_is_one_sentence(headrace: Commands, tmp_path: Path) -> None:
    for words in (("export", "posts", "--to", tmp_path / "out.csv"), ("tail", "posts")):
        outcome = headrace(*words)
        assert outcome.code == 1
        assert outcome.err.startswith("headrace: topic 'posts' is not in the file log")
        assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("log", ["headrace", "on_kafka"])
def test_topics_are_created_once(log: str, request: pytest.FixtureRequest) -> None:
    commands: Commands = request.getfixturevalue(log)
    first = commands("topics", "--create")
    assert first.code == 0
    assert "made " + commands.env["HEADRACE_TOPIC_PREFIX"] + "interactions" in first.out
    assert commands.log().partitions("follows") == PARTITIONS
    again = commands("topics", "--create")
    assert (again.code, again.out.splitlines()[-1].startswith("0 topics made in")) == (0, True)
    if log == "on_kafka":
        assert commands.topic_settings("follows")["cleanup.policy"] == "compact"
        assert commands.topic_settings("interactions")["message.timestamp.type"] == "LogAppendTime"
    commands.env["HEADRACE_PARTITIONS"] = "7"
    assert commands("topics", "--create").code == 1
