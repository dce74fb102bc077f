"""Logs as one JSON object a line: what a collector reads from a run that warns, and from one that fails."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.logs import JsonLines
from schemas.secret import Secret
from tests.faults.outcome import Outcome, ran
from tests.faults.traffic import good, write
from tests.flows.harness import Place
from tests.services.ports import free_port

ENGINES = pytest.mark.parametrize("engine", ["bytewax", "loop"])
NOW = 1_760_000_000_000


@pytest.fixture
def place(redis_url: str, tmp_path: Path) -> Place:
    made = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    write(made, good(NOW))
    return made


def run(place: Place, engine: str, **more: str) -> Outcome:
    given = {"HEADRACE_LOGGING__FORMAT": "json", "HEADRACE_ENGINE": engine, **more}
    return ran(replace(place, more={**place.more, **given}))


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    """Every line on stderr; each must be an object with what is always said."""
    found = [json.loads(line) for line in outcome.said.splitlines()]
    for line in found:
        assert list(line)[:6] == ["ts", "level", "logger", "message", "flow", "process"]
        assert (line["flow"], line["process"]) == ("windows", 0)
    return found


@ENGINES
def test_a_warning_is_an_object(engine: str, place: Place) -> None:
    outcome = run(place, engine)
    assert outcome.code == 0
    [warning] = [line for line in lines(outcome) if line["level"] == "warning"]
    assert warning["logger"].startswith("flows.")
    assert "topic 'users' is not there" in warning["message"]


@ENGINES
def test_the_sentence_that_it_ends_with_is_an_object_without_the_password(engine: str, place: Place) -> None:
    """Neither here nor in the warnings before it."""
    password = "correct-horse"
    url = f"redis://:{password}@127.0.0.1:{free_port()}"
    outcome = run(replace(place, redis=url), engine, HEADRACE_REDIS_RETRY_MS="300")
    assert outcome.code == 1
    said = lines(outcome)
    assert {line["level"] for line in said} >= {"warning", "error"}
    assert said[-1]["level"] == "error"
    assert said[-1]["message"].startswith("Redis at redis://127.0.0.1:")
    assert password not in outcome.said + outcome.summary


def test_what_is_less_important_is_left_out(place: Place) -> None:
    assert lines(run(place, "loop", HEADRACE_LOGGING__LEVEL="error")) == []


def formatted(**record: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(JsonLines({}).format(logging.makeLogRecord(record)))
    return said


def test_extras_stand_beside_the_message_and_secrets_are_not_shown() -> None:
    said = formatted(
        msg="asked %s", args=("twice",), topic="posts", password=Secret("hunter2"), path=Path("x")
    )
    assert said["message"] == "asked twice"
    assert (said["topic"], said["password"], said["path"]) == ("posts", "(set)", "x")


def test_a_trace_is_part_of_its_line() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError as error:
        said = formatted(msg="failed", exc_info=(ValueError, error, error.__traceback__))
    assert said["trace"].endswith("ValueError: a\nb")


def test_any_text_is_one_line() -> None:
    """Also one that is no Unicode, as names of files can be."""
    text = "a\nb \udcff"
    line = JsonLines({}).format(logging.makeLogRecord({"msg": "%s", "args": (text,)}))
    assert "\n" not in line
    assert json.loads(line)["message"] == text
