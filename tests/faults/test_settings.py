"""Wrong usage: exit code 2, and a sentence that names what is wrong, where it stands and the nearest right name."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import main
from tests.faults.outcome import Outcome

FORMULA = """
name = "ours"
base = "built-in"
version = 2

[[feature]]
name = "hides_each"
windows = { post = ["24h"] }
formula = "hides / (impressions"
default = 0
doc = "hides per impression"
"""

Type = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command after `headrace run` in an empty folder; gives the sentence of its refusal."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: str, **variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["headrace", "run", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, *capsys.readouterr()).sentence(code=2)

    return typed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("partition = 8\n", "did you mean partitions?"),
        ("flush_ms = 'soon'\n", "flush_ms = 'soon'"),
        ("flush_ms = = 3\n", "line 1"),
        ("[dead_letters]\nlimits = 1\n", "did you mean dead_letters.limit?"),
    ],
)
def test_a_settings_file(refused: Type, text: str, says: str) -> None:
    Path("ours.toml").write_text(text)
    said = refused("windows", "--settings", "ours.toml")
    assert says in said
    assert "ours.toml" in said


def test_a_settings_file_that_is_not_there(refused: Type) -> None:
    assert "nowhere.toml" in refused("windows", "--settings", "nowhere.toml")


def test_a_variable(refused: Type) -> None:
    said = refused("windows", HEADRACE_REDIS_RETRYMS="1")
    assert "did you mean HEADRACE_REDIS_RETRY_MS?" in said


def test_a_flow_that_is_not_there(refused: Type) -> None:
    assert refused("window") == "there is no flow 'window' (there are: windows); did you mean windows?"


def test_a_formula_is_told_with_its_place(refused: Type) -> None:
    Path("features.toml").write_text(FORMULA)
    said = refused("windows", HEADRACE_FEATURE_REGISTRY="features.toml")
    assert "features.toml" in said
    assert "hides_each" in said
    assert "hides / (impressions" in said


def test_urls(refused: Type) -> None:
    assert "redis = ... (from --redis) must be redis://" in refused("windows", "--redis", "localhost:6379")
    assert "log = 'localhost:9092'" in refused("windows", "--log", "localhost:9092")
