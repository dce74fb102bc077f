"""`headrace erase` appends the record that erases, to the right partition, on a file log and on Kafka."""

import json

import pytest

from tests.flows.cli.logs import PARTITIONS, Commands
from tests.flows.oracle import placed


@pytest.mark.parametrize("user", [7, -5])
def test_the_record(user: int, headrace: Commands) -> None:
    said = headrace("erase", str(user))
    assert (said.code, said.err) == (0, "")
    assert f"headrace erase {user} --check" in said.out
    records = {part: rows for part, rows in enumerate(headrace.rows("users")) if rows}
    [row] = records.pop(placed(user, PARTITIONS))
    assert records == {}
    assert (row["key"], row["value"]) == (user.to_bytes(8, "big", signed=True), None)


def test_on_kafka(on_kafka: Commands) -> None:
    assert json.loads(on_kafka("erase", "7", "--json").out) == {"user_id": 7, "asked": True}
    assert [row["value"] for rows in on_kafka.rows("users") for row in rows] == [None]
    assert on_kafka.topic_settings("users")["cleanup.policy"] == "compact"


def test_a_log_with_another_number_of_partitions(headrace: Commands) -> None:
    headrace("erase", "7")
    headrace.env["HEADRACE_PARTITIONS"] = "8"
    said = headrace("erase", "7")
    assert said.code == 1
    assert "has 4 partitions" in said.err
