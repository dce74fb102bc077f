"""A mistake in our own code, or a panic in a library: its trace, and below it one sentence."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from flows.cli import main
from operators.users import UsersLogic
from tests.faults.traffic import good, write
from tests.flows.harness import Place

NOW = 1_760_000_000_000


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
@pytest.mark.parametrize("kind", [ZeroDivisionError, pl.exceptions.PanicException])
@pytest.mark.parametrize("step", ["on_rows", "snapshot"])
def test_a_defect(
    engine: str,
    kind: type[BaseException],
    step: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The engine's own words about it are left out."""
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state", {"HEADRACE_ENGINE": engine})
    write(place, good(NOW))

    def broken(*_: Any) -> NoReturn:
        raise kind("on purpose")

    monkeypatch.setattr(UsersLogic, step, broken)
    monkeypatch.setattr(sys, "argv", ["headrace", "run", "windows", "--until-end"])
    for name, value in place.variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith(
        f"headrace: stopped by a defect ({kind.__name__}('on purpose')): please report it"
    )
    assert "Traceback (most recent call last):" in lines
    assert not any("panicked" in line for line in lines)
