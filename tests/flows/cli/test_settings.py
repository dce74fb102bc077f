"""`headrace settings` as it is typed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.cli import headrace
from schemas.errors import UsageError
from schemas.settings import Settings, load
from schemas.settings_table import settings_table
from schemas.settings_text import to_toml

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder; keyword arguments are environment variables."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, **env: str) -> Result:
        return CliRunner().invoke(headrace, words, env=env)

    return invoke


def printed(run: Run, *words: str, **env: str) -> dict[str, dict[str, Any]]:
    result = run("settings", "--json", *words, **env)
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.output)}


def test_every_setting_is_printed_with_its_origin(run: Run) -> None:
    Path("headrace.toml").write_text("partitions = 8\n")
    rows = printed(run, "--state", "here", HEADRACE_TIERS__MID="9", HEADRACE_KAFKA__CLIENT_ID="me")
    assert rows.keys() == settings_table().keys() - {"kafka"} | {"kafka.client.id"}
    assert {name: row["origin"] for name, row in rows.items() if row["origin"] != "default"} == {
        "partitions": "headrace.toml",
        "tiers.mid": "HEADRACE_TIERS__MID",
        "kafka.client.id": "HEADRACE_KAFKA__CLIENT_ID",
        "state": "--state",
    }
    assert (rows["partitions"]["value"], rows["partitions"]["default"]) == (8, 64)


def test_the_text_has_a_line_for_each(run: Run) -> None:
    lines = run("settings").output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [name for name in settings_table() if name != "kafka"]
    assert next(line for line in lines if line.startswith("tiers.mid")).split()[1:3] == ["50000", "default"]


def test_secrets_are_said_to_be_set_and_no_more(run: Run) -> None:
    secrets = {"HEADRACE_REDIS_PASSWORD": "r3dis", "HEADRACE_KAFKA__SASL_PASSWORD": "kafk4"}
    for words in (["settings"], ["settings", "--json"], ["settings", "--write", "new.toml"]):
        output = run(*words, **secrets).output
        assert not [secret for secret in secrets.values() if secret in output]
    rows = printed(run, "--redis", "redis://:sh0wn@host", HEADRACE_KAFKA__SASL_PASSWORD="kafk4")
    assert rows["redis"]["value"] == "redis://host"
    assert rows["redis_password"]["value"] == rows["kafka.sasl.password"]["value"] == "(set)"
    assert not [secret for secret in secrets.values() if secret in Path("new.toml").read_text()]


def test_the_written_file_gives_the_same_settings(run: Run) -> None:
    assert run("settings", "--write").exit_code == 0
    assert load(Path("headrace.toml")) == Settings()
    text = Path("headrace.toml").read_text()
    for setting in settings_table().values():
        assert setting.variable in text
    assert run("settings", "--settings", "headrace.toml").exit_code == 0


def test_changed_settings_are_written_as_they_are(tmp_path: Path) -> None:
    changed = load(
        env={
            "HEADRACE_LOG": 'file:a "quoted" \\ plâce',
            "HEADRACE_LABELS__HORIZONS_MS": "1000,2000",
            "HEADRACE_PRIORS__CTR": "1e-7",
            "HEADRACE_KAFKA__SECURITY_PROTOCOL": "SSL",
        }
    )
    file = tmp_path / "changed.toml"
    file.write_text(to_toml(changed), encoding="utf-8")
    assert load(file) == changed


def test_a_file_that_is_there_is_kept(run: Run) -> None:
    Path("mine.toml").write_text("# mine\n")
    result = run("settings", "--write", "mine.toml")
    assert isinstance(result.exception, UsageError)
    assert Path("mine.toml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("words", "env", "sentence"),
    [
        (["--log", "rabbit://"], {}, "log = 'rabbit://' (from --log) must be kafka://"),
        (["--settings", "none.toml"], {}, "none.toml doesn't exist"),
        ([], {"HEADRACE_REDIES": "x"}, "did you mean HEADRACE_REDIS?"),
    ],
)
def test_wrong_settings_are_one_sentence_and_exit_code_2(
    tmp_path: Path, words: list[str], env: dict[str, str], sentence: str
) -> None:
    command = [sys.executable, "-c", "import flows.cli; flows.cli.main()", "settings", *words]
    path = {**os.environ, "PYTHONPATH": str(Path.cwd()), **env}
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("headrace: ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
