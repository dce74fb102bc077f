"""Who may import whom: read from the source, so that a lazy import counts as well."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ALLOWED = {
    "schemas": set[str](),
    "operators": {"schemas"},
    "state": {"schemas"},
    "sources": {"schemas"},
    "sinks": {"schemas"},
    "serving": {"schemas", "operators"},
    "flows": {"schemas", "operators", "state", "sources", "sinks", "serving"},
}
"""What each package of ours may import, besides itself."""

MAY_IMPORT_BYTEWAX = {"flows", "sources", "sinks"}
IO_AND_CLOCKS = {"bytewax", "confluent_kafka", "datetime", "io", "os", "pathlib", "redis", "socket", "time"}
"""What operators do without: they get columns and times, and give columns back."""


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _imports(module: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level name of everything that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relative to itself"
            yield node.lineno, str(node.module).partition(".")[0]


def _offences(package: str, forbidden: set[str]) -> list[str]:
    return [
        f"{module.relative_to(ROOT)}:{line} imports {name}"
        for module in _modules(package)
        for line, name in _imports(module)
        if name in forbidden
    ]


def test_every_package_of_the_wheel_has_a_layer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(ALLOWED)
    assert all(_modules(package) for package in ALLOWED)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_lower_layers(package: str) -> None:
    ours = {*ALLOWED, "bench", "tests"}
    assert _offences(package, ours - ALLOWED[package] - {package}) == []


@pytest.mark.parametrize("package", sorted(set(ALLOWED) - MAY_IMPORT_BYTEWAX))
def test_bytewax_stays_in_the_outer_layers(package: str) -> None:
    assert _offences(package, {"bytewax"}) == []


def test_operators_read_no_clock_and_touch_no_world() -> None:
    assert _offences("operators", IO_AND_CLOCKS) == []


def test_what_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {_normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines}
    distributions = packages_distributions()
    for package in ALLOWED:
        for module in _modules(package):
            for line, name in _imports(module):
                if name in ALLOWED or name in sys.stdlib_module_names:
                    continue
                provided = {_normal(distribution) for distribution in distributions.get(name, [name])}
                where = f"{module.relative_to(ROOT)}:{line}"
                assert provided & declared, f"{where} imports {name}, which pyproject.toml does not declare"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
