"""`headrace import`: what is in a file is in the log, in order and in its place; what is not right is told by line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.importing.load import made_ids
from schemas.codec import Codec
from schemas.partitioner import key_bytes, partition_of
from tests.flows.cli.logs import PARTITIONS, Commands
from tests.sources.places import everything

NOON = 1_341_144_000_000


def interaction(**fields: Any) -> dict[str, Any]:
    """A row of the topic `interactions`, nothing missing."""
    return {
        "event_id": 1,
        "type": "click",
        "user_id": 7,
        "post_id": 11,
        "author_id": 13,
        "content_type": "photo",
        "region": "eu",
        "request_id": 17,
        "position": 2,
        "dwell_ms": 300,
        "surface": "home",
        "at_ms": NOON,
    } | fields


def post(**fields: Any) -> dict[str, Any]:
    """A row of the topic `posts`, nothing missing."""
    return {
        "op": "create",
        "post_id": 11,
        "author_id": 13,
        "content_type": "photo",
        "topics": ["sea", "wind"],
        "language": "en",
        "region": "eu",
        "has_media": True,
        "text_length": 140,
        "reply_to": 9,
        "labels": ["nsfw"],
        "at_ms": NOON,
    } | fields


def csv_of(folder: Path, rows: list[dict[str, Any]], name: str = "rows.csv") -> Path:
    """The rows as CSV with JSON lists."""
    cells = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    pl.DataFrame(cells, infer_schema_length=None).write_csv(folder / name)
    return folder / name


def jsonl_of(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    """The rows as JSON lines."""
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / name


def parquet_of(folder: Path, rows: list[dict[str, Any]], name: str = "rows.parquet") -> Path:
    """The rows as Parquet."""
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / name)
    return folder / name


WRITERS = pytest.mark.parametrize("write", [csv_of, jsonl_of, parquet_of])


@WRITERS
def test_rows_arrive_as_they_are(headrace: Commands, tmp_path: Path, write: Any) -> None:
    posts = [
        post(post_id=n, reply_to=None if n % 2 else n, topics=["a"] * (n % 3), labels=[]) for n in range(50)
    ]
    rare = {"content_type": None, "region": None, "request_id": None, "position": None, "dwell_ms": None}
    events = [interaction(event_id=n, user_id=n - 25, **(rare if n % 4 == 0 else {})) for n in range(50)]
    assert headrace("import", "posts", write(tmp_path, posts)).code == 0
    assert headrace("import", "interactions", write(tmp_path, events)).code == 0
    assert sorted(headrace.records("posts"), key=lambda row: row["post_id"]) == posts
    assert sorted(headrace.records("interactions"), key=lambda row: row["event_id"]) == events


def test_rows_lie_in_their_partition_in_the_order_of_the_files(headrace: Commands, tmp_path: Path) -> None:
    users = np.random.default_rng(1).integers(-(2**60), 2**60, 40).repeat(5)
    rows = [interaction(event_id=n, user_id=int(user), at_ms=NOON - n) for n, user in enumerate(users)]
    first, second = csv_of(tmp_path, rows[:90], "a.csv"), jsonl_of(tmp_path, rows[90:], "b.jsonl")
    assert headrace("import", "interactions", first, second).code == 0
    places = partition_of(users, PARTITIONS)
    for partition, found in enumerate(headrace.rows("interactions")):
        assert [row["event_id"] for row in found] == np.flatnonzero(places == partition).tolist()
        assert [row["key"] for row in found] == key_bytes(users[places == partition])


def test_follows_are_placed_by_the_follower_and_keyed_by_both(headrace: Commands, tmp_path: Path) -> None:
    rows = [
        {"op": "follow", "follower_id": 3, "author_id": n, "weight": 0.5, "at_ms": NOON} for n in range(5)
    ]
    assert headrace("import", "follows", jsonl_of(tmp_path, rows)).code == 0
    [place] = partition_of(np.array([3]), PARTITIONS).tolist()
    assert [row["key"].hex() for row in headrace.rows("follows")[place]] == [
        f"{3:016x}{n:016x}" for n in range(5)
    ]


@WRITERS
def test_append_times_are_kept_in_their_order(headrace: Commands, tmp_path: Path, write: Any) -> None:
    rows = [interaction(append_ms=NOON + at) for at in (5, 900, 3, 3)]
    outcome = headrace("import", "interactions", write(tmp_path, rows))
    assert outcome.err == ""
    assert [row["append_ms"] for part in headrace.rows("interactions") for row in part] == [
        row["append_ms"] for row in rows
    ]


def test_without_append_times_the_event_time_stands_in_and_it_says_so(
    headrace: Commands, tmp_path: Path
) -> None:
    outcome = headrace("import", "interactions", csv_of(tmp_path, [interaction(at_ms=NOON + 5)]))
    assert "rows.csv has no column append_ms: the order of the file counts" in outcome.err
    assert [row["append_ms"] for part in headrace.rows("interactions") for row in part] == [NOON + 5]


BAD_CELLS = {
    "user_id": ("x1", "user_id: 'x1' is not a whole number of 64 bits"),
    "post_id": ("9223372036854775808", "post_id: '9223372036854775808' is not a whole number of 64 bits"),
    "author_id": ("", "author_id is missing"),
    "type": ("clicked", "type: 'clicked' is not one of impression, click, like"),
    "position": ("2147483648", "position: '2147483648' is not a whole number of 32 bits"),
    "dwell_ms": ("1.5", "dwell_ms: '1.5' is not a whole number of 32 bits"),
    "at_ms": ("-1", "at_ms: a negative number"),
    "append_ms": ("", "append_ms is missing"),
}


def test_bad_cells_of_csv_are_told_by_line_and_the_rest_is_imported(
    headrace: Commands, tmp_path: Path
) -> None:
    rows = []
    for name, (cell, _) in BAD_CELLS.items():
        rows += [
            interaction(append_ms=NOON),
            {k: str(v) for k, v in interaction(append_ms=NOON).items()} | {name: cell},
        ]
    text = [",".join(rows[0])] + [",".join(str(cell) for cell in row.values()) for row in rows]
    file = tmp_path / "dirty.csv"
    file.write_text("\n".join(text) + "\n")
    outcome = headrace("import", "interactions", file)
    assert outcome.code == 1
    told = outcome.err.splitlines()
    assert len(told) == len(BAD_CELLS)
    for line, (reason, said) in enumerate(zip([why for _, why in BAD_CELLS.values()], told, strict=True)):
        assert said.startswith(f"{file}:{3 + 2 * line}: {reason}")
    assert "8 rows into interactions" in outcome.out
    assert "8 bad rows left out" in outcome.out
    assert headrace.records("interactions") == [interaction()] * 8


def test_bad_lines_of_json_are_told_by_line(headrace: Commands, tmp_path: Path) -> None:
    good = json.dumps(interaction())
    bad = {
        2: '{"user_id": 7',
        3: "[]",
        5: json.dumps(interaction(user_id="7")),
        6: json.dumps(interaction(type="clicked")),
        7: json.dumps(interaction(position=2**31)),
        8: json.dumps(interaction(post_id=2**63)),
        9: json.dumps({k: v for k, v in interaction().items() if k != "surface"}),
        10: json.dumps(interaction(at_ms=-5)),
        11: json.dumps(interaction(append_ms=5)),
    }
    file = tmp_path / "dirty.jsonl"
    file.write_text("".join((bad.get(line, "" if line == 4 else good)) + "\n" for line in range(1, 13)))
    outcome = headrace("import", "interactions", file)
    assert outcome.code == 1
    told = dict(line.removeprefix(f"{file}:").split(": ", 1) for line in outcome.err.splitlines()[: len(bad)])
    assert sorted(map(int, told)) == sorted(bad)
    assert told["5"] == "Expected `int | null`, got `str` - at `$.user_id`"
    assert told["9"] == "surface is missing"
    assert told["11"] == "append_ms: the first row has none"
    assert headrace.records("interactions") == [interaction()] * 2


def test_bad_cells_of_parquet_are_told_by_row(headrace: Commands, tmp_path: Path) -> None:
    rows = [
        interaction(position=1.0),
        interaction(position=1.5),
        interaction(position=None),
        interaction(user_id=None),
    ]
    outcome = headrace("import", "interactions", parquet_of(tmp_path, rows))
    assert [line.split(":", 1)[1] for line in outcome.err.splitlines()[:2]] == [
        "2: position: '1.5' is not a whole number of 32 bits",
        "4: user_id is missing",
    ]
    assert headrace.records("interactions") == [interaction(position=1), interaction(position=None)]


def test_lines_are_counted_through_blank_ragged_and_broken_lines(headrace: Commands, tmp_path: Path) -> None:
    head = "event_id,type,user_id,post_id,author_id,surface,at_ms"
    good = f"1,click,7,11,13,home,{NOON}"
    text = [
        head,
        good,
        "",
        "1,click",
        f'1,click,7,11,13,"two\nlines",{NOON}',
        good + ",more",
        "bad" + good,
        "",
        "1,2",
    ]
    file = tmp_path / "rows.csv"
    file.write_bytes(
        "\n".join(text).encode() + b"\n" + good.replace("home", "h\xf6me").encode("latin-1") + b"\n"
    )
    outcome = headrace("import", "interactions", file)
    assert [
        line.split(":", 1)[1]
        for line in sorted(outcome.err.splitlines()[:5], key=lambda line: int(line.split(":")[1]))
    ] == [
        "4: 2 cells, the header has 7",
        "7: 8 cells, the header has 7",
        "8: event_id: 'bad1' is not a whole number of 64 bits",
        "10: 2 cells, the header has 7",
        "11: not UTF-8",
    ]
    assert [row["surface"] for row in headrace.records("interactions")] == ["home", "two\nlines"]


def test_lists_in_csv_are_json_or_words_with_bars(headrace: Commands, tmp_path: Path) -> None:
    rows = [post(topics="sea|wind", labels=""), post(topics='["a|b"]', labels='["x"]'), post(topics="[1]")]
    outcome = headrace("import", "posts", csv_of(tmp_path, rows))
    assert "rows.csv:4: topics: '[1]' is not a list" in outcome.err
    assert [(row["topics"], row["labels"]) for row in headrace.records("posts")] == [
        (["sea", "wind"], []),
        (["a|b"], ["x"]),
    ]


def test_only_so_many_bad_rows_are_told_and_some_may_be_allowed(headrace: Commands, tmp_path: Path) -> None:
    rows = [interaction(event_id=n, surface="home" if n else "first") for n in range(26)]
    for row in rows[1:]:
        row["user_id"] = None
    file = jsonl_of(tmp_path, rows)
    outcome = headrace("import", "interactions", file, "--allow-bad", "24")
    assert outcome.code == 1
    assert outcome.err.count("user_id is missing") == 20
    assert "and 5 more bad rows" in outcome.err
    assert headrace("import", "interactions", file, "--allow-bad", "25").code == 0


@WRITERS
def test_missing_event_ids_are_made_of_file_and_line(headrace: Commands, tmp_path: Path, write: Any) -> None:
    rows = [{k: v for k, v in interaction().items() if k != "event_id"}] * 30
    assert headrace("import", "interactions", write(tmp_path, rows)).code == 0
    ids = [row["event_id"] for row in headrace.records("interactions")]
    assert len(set(ids)) == 30
    assert min(ids) >= 0
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    assert headrace("import", "interactions", write(folder, rows)).code == 0
    assert [row["event_id"] for row in headrace.records("interactions")] == ids * 2


def test_event_ids_are_made_only_where_they_are_missing(headrace: Commands, tmp_path: Path) -> None:
    rows = [interaction(event_id=5), interaction(event_id=None)]
    assert headrace("import", "interactions", jsonl_of(tmp_path, rows)).code == 0
    assert [row["event_id"] for row in headrace.records("interactions")] == [
        5,
        *made_ids("rows.jsonl", np.array([2])),
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text(max_size=30))
def test_made_ids_differ_by_line_and_by_name(one: str, other: str) -> None:
    lines = np.arange(1, 1000)
    assert len(set(made_ids(one, lines).tolist())) == 999
    assert (one == other) == bool(np.array_equal(made_ids(one, lines), made_ids(other, lines)))


def test_close_writes_a_pulse_behind_everything(headrace: Commands, tmp_path: Path) -> None:
    ahead = NOON + 27 * 86_400_000
    rows = [
        interaction(user_id=n, at_ms=ahead if n == 3 else NOON + n, append_ms=NOON + 50) for n in range(20)
    ]
    outcome = headrace("import", "interactions", jsonl_of(tmp_path, rows), "--close")
    latest = NOON + 50 + 60_000  # the row that is 27 days ahead may claim no more than max_ahead_ms
    assert f"closed by a pulse at {latest + 60_000 + 1_000}" in outcome.err
    ends = headrace.log().ends("interactions")
    assert headrace.records("pulse") == [
        {"topic": "interactions", "partition": partition, "end_offset": end, "broker_ms": latest + 61_000}
        for partition, end in enumerate(ends)
    ]
    assert [[row["key"] for row in part] for part in headrace.rows("pulse")] == [
        [b"interactions/%d" % partition] for partition in range(PARTITIONS)
    ]
    headrace("import", "interactions", jsonl_of(tmp_path, rows), "--close", "--by", "1234567890123")
    assert {row["broker_ms"] for row in headrace.records("pulse")} == {latest + 61_000, 1_234_567_890_123}


@WRITERS
def test_a_deleted_row_of_a_compacted_topic_is_a_null_value(
    headrace: Commands, tmp_path: Path, write: Any
) -> None:
    user = {
        "user_id": 7,
        "country": "de",
        "language": "de",
        "created_ms": 5,
        "interests": ["sea"],
        "at_ms": NOON,
    }
    gone = {"user_id": 7, "at_ms": NOON + 9, "_delete": True}
    empty = dict.fromkeys(user)
    rows = [user | {"_delete": False}, (empty if write is not jsonl_of else {}) | gone]
    assert headrace("import", "users", write(tmp_path, rows)).code == 0
    [part] = [part for part in headrace.rows("users") if part]
    [key] = key_bytes([7])
    assert part == [
        {"append_ms": NOON, "key": key} | user,
        {"append_ms": NOON + 9, "key": key, "value": None},
    ]


def test_a_deleted_row_needs_its_key_and_a_compacted_topic(headrace: Commands, tmp_path: Path) -> None:
    file = tmp_path / "gone.jsonl"
    file.write_text('{"_delete": true, "at_ms": 5}\n{"_delete": true, "user_id": 5}\n')
    assert [line.split(":", 1)[1] for line in headrace("import", "users", file).err.splitlines()[:2]] == [
        "1: user_id is missing",
        "2: at_ms is missing",
    ]
    outcome = headrace("import", "interactions", jsonl_of(tmp_path, [interaction(_delete=True)]))
    assert "rows.jsonl:1: the topic is not compacted" in outcome.err


def test_interactions_may_go_many_to_a_message(headrace: Commands, tmp_path: Path) -> None:
    rows = [interaction(event_id=n, user_id=n % 9, append_ms=NOON + n) for n in range(100)]
    outcome = headrace("import", "interactions", jsonl_of(tmp_path, rows), "--batch", "7", "--json")
    facts = json.loads(outcome.out)
    assert (facts["rows"], facts["bad"]) == (100, 0)
    log = headrace.log()
    assert sum(log.ends("interactions")) == facts["messages"] < 25
    assert sorted(row["event_id"] for row in _batched(headrace)) == list(range(100))
    assert (
        "can't go 7 to a message"
        in headrace("import", "posts", jsonl_of(tmp_path, [post()]), "--batch", "7").err
    )


def _batched(headrace: Commands) -> list[dict[str, Any]]:
    log, codec = headrace.log(), Codec("Interaction")
    found = []
    for partition in range(PARTITIONS):
        read = everything(log, "interactions", partition)
        decoded = codec.decode([value for value in read.values if value is not None])
        if not read.values:
            continue
        assert decoded.source is not None
        last_of_message = [int(np.flatnonzero(decoded.source == n)[-1]) for n in range(len(read.values))]
        rows = decoded.rows.to_pylist()
        assert read.append_ms == [NOON + rows[last]["event_id"] for last in last_of_message]
        found += rows
    return found


def test_columns_that_are_no_fields_are_left_out_and_told(headrace: Commands, tmp_path: Path) -> None:
    outcome = headrace(
        "import", "interactions", csv_of(tmp_path, [interaction(dwell=5, partition=1, offset=2)])
    )
    assert outcome.code == 0
    assert "rows.csv: dwell left out, no field of Interaction is called so" in outcome.err


@pytest.mark.parametrize(
    ("text", "sentence", "code"),
    [
        ("", "has no header line", 1),
        ("a,a\n", "has the column 'a' twice", 1),
        ("event_id,type\n1,click\n", "has no column 'user_id', which Interaction needs", 1),
    ],
)
def test_a_file_that_can_not_be_meant_is_one_sentence(
    headrace: Commands, tmp_path: Path, text: str, sentence: str, code: int
) -> None:
    (tmp_path / "rows.csv").write_text(text)
    outcome = headrace("import", "interactions", tmp_path / "rows.csv")
    assert sentence in outcome.err
    assert outcome.code == code


def test_a_column_of_another_type_is_one_sentence(headrace: Commands, tmp_path: Path) -> None:
    rows = [interaction(at_ms="2012-07-01")]
    pl.DataFrame(rows).with_columns(pl.col("at_ms").str.to_datetime()).write_parquet(
        tmp_path / "rows.parquet"
    )
    outcome = headrace("import", "interactions", tmp_path / "rows.parquet")
    assert "column 'at_ms' holds timestamp[us], but whole numbers must be in it" in outcome.err


def test_wrong_usage_is_exit_code_2(headrace: Commands, tmp_path: Path) -> None:
    assert headrace("import", "interactions", tmp_path / "missing.csv").code == 2
    (tmp_path / "rows.txt").write_text("")
    outcome = headrace("import", "interactions", tmp_path / "rows.txt")
    assert (outcome.code, "ends in none of .csv, .jsonl" in outcome.err) == (2, True)
    (tmp_path / "a").mkdir()
    csv_of(tmp_path, [interaction()])
    outcome = headrace(
        "import", "interactions", tmp_path / "rows.csv", csv_of(tmp_path / "a", [interaction()])
    )
    assert (outcome.code, "two files have the same name" in outcome.err) == (2, True)


def test_another_number_of_partitions_is_one_sentence(headrace: Commands, tmp_path: Path) -> None:
    file = csv_of(tmp_path, [interaction()])
    assert headrace("import", "interactions", file).code == 0
    headrace.env["HEADRACE_PARTITIONS"] = "5"
    outcome = headrace("import", "interactions", file)
    assert outcome.code == 1
    assert "'interactions' has 4 partitions and 5 are wanted" in outcome.err


def test_kafka_keeps_the_same_rows_and_times_for_ever(
    on_kafka: Commands, headrace: Commands, tmp_path: Path
) -> None:
    rows = [interaction(event_id=n, user_id=n, append_ms=NOON + n % 7) for n in range(100)]
    file = jsonl_of(tmp_path, rows)
    for commands in (headrace, on_kafka):
        assert commands("import", "interactions", file, "--close").code == 0
    assert on_kafka.rows("interactions") == headrace.rows("interactions")
    assert on_kafka.rows("pulse") == headrace.rows("pulse")
    settings = on_kafka.topic_settings("interactions")
    assert (settings["message.timestamp.type"], settings["retention.ms"]) == ("CreateTime", "-1")


def test_a_topic_with_the_clock_of_the_broker_is_told(on_kafka: Commands, tmp_path: Path) -> None:
    assert on_kafka("topics", "--create").code == 0
    outcome = on_kafka("import", "interactions", jsonl_of(tmp_path, [interaction(append_ms=NOON)]))
    assert outcome.code == 0
    assert "keeps LogAppendTime: its append times are now" in outcome.err
