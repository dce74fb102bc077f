"""The wheel alone, in an environment without the repository, gives a working command line."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "operators", "schemas", "serving", "sinks", "sources", "state")


def _run(command: Sequence[str | Path], folder: Path) -> str:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    (built,) = folder.glob("headrace-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and, by reference, what it depends on."""
    home = tmp_path_factory.mktemp("empty") / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    _run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel],
        home.parent,
    )
    # Its dependencies are those installed here. A folder named in a .pth file is searched, but its own .pth
    # files, which name the repository, are not read.
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    data = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for pattern in ("py.typed", "*.toml", "*.avsc")
        for path in (ROOT / package).rglob(pattern)
    }
    assert {f"{package}/py.typed" for package in PACKAGES} <= data <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_headrace_runs_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    where = "import schemas; print(schemas.__file__)"
    assert str(installed.parent) in _run([installed / "python", "-c", where], tmp_path)
    assert "Usage: headrace" in _run([installed / "headrace", "--help"], tmp_path)


def test_what_it_prints_from_its_data_files_comes_with_it(installed: Path, tmp_path: Path) -> None:
    assert "interactions" in _run([installed / "headrace", "topics"], tmp_path)
    registry = json.loads(_run([installed / "headrace", "features", "--registry", "--json"], tmp_path))
    assert registry["features"]
