"""`headrace simulate` from the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import headrace
from schemas.errors import HeadraceError, UsageError
from sources.file_log import FileLog


def run(*words: str) -> Result:
    return CliRunner().invoke(headrace, ["simulate", "--users", "300", "--hours", "0.5", *words])


def test_it_fills_a_log_and_says_what_is_in_it(tmp_path: Path) -> None:
    result = run("--to", f"file:{tmp_path}", "--partitions", "2", "--json")
    assert result.exit_code == 0, result.output
    truth = json.loads(result.stdout)
    for topic, messages in truth["messages"].items():
        assert sum(FileLog(tmp_path).ends(topic)) == messages
    assert truth["settings"]["users"] == 300


def test_the_outcome_reads_well(tmp_path: Path) -> None:
    result = run("--to", f"file:{tmp_path}", "--partitions", "2", "--start", "2026-03-01T12:30")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("wrote ")
    assert str(tmp_path) in lines[0]
    assert any(line.split()[0:1] == ["impression"] for line in lines)
    assert [line for line in lines if line.startswith("to set aside")]


def test_a_second_history_in_the_same_log_is_refused(tmp_path: Path) -> None:
    run("--to", f"file:{tmp_path}", "--partitions", "2")
    again = run("--to", f"file:{tmp_path}", "--partitions", "2")
    assert isinstance(again.exception, HeadraceError)
    assert "has messages already" in str(again.exception)


@pytest.mark.parametrize(
    ("words", "name"), [(["--users", "1"], "users"), (["--rate", "0"], "rate"), (["--seed", "-1"], "seed")]
)
def test_impossible_networks_are_a_usage_error(tmp_path: Path, words: list[str], name: str) -> None:
    result = run("--to", f"file:{tmp_path}", *words)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(name)
    assert not list(tmp_path.iterdir())
