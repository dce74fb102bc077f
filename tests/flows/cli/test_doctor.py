import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.cli import headrace
from sinks.file_log import FileLogWriter
from state.lock import StateLock


def doctor(tmp_path: Path, redis_url: str, *words: str) -> Result:
    places = ["--log", f"file:{tmp_path}/log", "--redis", redis_url, "--state", f"{tmp_path}/state"]
    return CliRunner().invoke(headrace, ["doctor", *places, *words], catch_exceptions=False)


def levels(result: Result) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    findings: list[dict[str, Any]] = json.loads(result.output)
    for finding in findings:
        found.setdefault(finding["subject"], set()).add(finding["level"])
    return found


def test_all_in_order(tmp_path: Path, redis_url: str) -> None:
    writer = FileLogWriter(tmp_path / "log", "")
    writer.create(["interactions"], 64)
    writer.close()
    result = doctor(tmp_path, redis_url, "--json")
    subjects = ("settings", "schemas", "features", "log", "redis", "clock", "state")
    assert levels(result) == {subject: {"ok"} for subject in subjects}
    assert result.exit_code == 0


def test_a_failure_is_shown_with_what_to_do(tmp_path: Path, redis_url: str) -> None:
    result = doctor(tmp_path, redis_url)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    failure = next(number for number, line in enumerate(lines) if line.startswith("fail"))
    assert lines[failure].split(maxsplit=2)[1:] == ["log", f"there is no file log at file:{tmp_path}/log"]
    assert lines[failure + 1].strip().startswith("fill it with headrace simulate")
    assert any(line.startswith("ok    redis      Redis ") for line in lines)


def test_a_running_flow_is_named_and_no_failure(tmp_path: Path, redis_url: str) -> None:
    with StateLock(tmp_path / "state" / "windows"):
        result = doctor(tmp_path, redis_url)
    assert f"uses state directory {tmp_path}/state/windows" in result.output
    assert "fail  state" not in result.output
    assert "state of a flow that is not running" in doctor(tmp_path, redis_url).output


def test_a_place_for_state_that_is_a_file_fails(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "state").write_text("")
    result = doctor(tmp_path, redis_url, "--json")
    assert levels(result)["state"] == {"fail"}
    assert result.exit_code == 1


def test_a_broken_registry_and_schemas_fail(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_FEATURE_REGISTRY", f"{tmp_path}/none.toml")
    monkeypatch.setenv("HEADRACE_SCHEMA_PATH", f"{tmp_path}/none")
    found = levels(doctor(tmp_path, redis_url, "--json"))
    assert (found["features"], found["schemas"]) == ({"fail"}, {"fail"})
