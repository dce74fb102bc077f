"""`headrace demo`, small: from nothing to a report whose numbers agree with the simulation."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import headrace
from schemas.errors import UsageError
from sinks import embedded_redis


def run(folder: Path) -> Result:
    return CliRunner().invoke(headrace, ["demo", "--users", "2000", "--hours", "1", "--folder", str(folder)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("demo") / "here"
    yield made
    embedded_redis.stop(made / "redis")


@pytest.fixture(scope="module")
def output(folder: Path) -> str:
    result = run(folder)
    assert result.exit_code == 0, result.output
    return result.stdout


def section(output: str, title: str) -> list[str]:
    """The lines under a heading, up to the next one."""
    lines = output.splitlines()
    start = lines.index(title) + 1
    headings = [
        index
        for index in range(start, len(lines))
        if lines[index] and not lines[index - 1] and index > start + 1
    ]
    titles = ("throughput", "trending", "an author and a user", "where to look next")
    end = next((index for index in headings if lines[index] in titles), len(lines))
    return [line for line in lines[start:end] if line.strip()]


def test_every_record_set_aside_is_accounted_for(folder: Path, output: str) -> None:
    truth = json.loads((folder / "log" / "simulated.json").read_bytes())
    rows = [line.split() for line in section(output, "set aside, beside what was simulated")[1:]]
    found = {row[0]: (int(row[1].replace(",", "")), int(row[2].replace(",", "")), row[3]) for row in rows}
    assert found == {reason: (count, count, "ok") for reason, count in truth["set_aside"].items()}


def test_trending_posts_have_their_numbers(folder: Path, output: str) -> None:
    truth = json.loads((folder / "log" / "simulated.json").read_bytes())
    lines = section(output, "trending")
    assert str(truth["hottest_post"]) in lines[0]
    ranks = [line for line in lines if line.split()[0] in {"1", "2", "10"}]
    assert len(ranks) == 3
    for line in ranks:
        assert "%" in line
        assert set(line) & set("▁▂▃▄▅▆▇█")


def test_an_author_and_a_user_are_shown(folder: Path, output: str) -> None:
    truth = json.loads((folder / "log" / "simulated.json").read_bytes())
    text = "\n".join(section(output, "an author and a user"))
    assert f"author {truth['hottest_author']}, who wrote the hottest post" in text
    assert "impressions" in text


def test_the_output_is_plain_without_a_terminal(output: str) -> None:
    assert "\x1b" not in output
    assert "━" not in output


def test_the_commands_that_it_names_work(folder: Path, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SETTINGS", str(folder / "headrace.toml"))
    steps = [
        line.partition("headrace ")[2]
        for line in section(output, "where to look next")
        if "headrace " in line
    ]
    commands = [step.partition("  ")[0].split() for step in steps]
    assert len(commands) >= 6
    for words in commands:
        result = CliRunner().invoke(headrace, words)
        assert result.exit_code == 0, (words, result.output)


def test_a_second_demo_replaces_the_first(folder: Path, output: str) -> None:
    again = run(folder)
    assert again.exit_code == 0, again.output

    def without_times(text: str) -> list[str]:
        return section(text, "trending") + section(text, "set aside, beside what was simulated")

    assert without_times(again.stdout) == without_times(output)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = run(tmp_path)
    assert isinstance(result.exception, UsageError)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
