"""What README and docs/ say can be followed: links resolve, commands parse, names exist, the example reads Redis."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import redis

from flows.cli import headrace
from schemas import metrics
from schemas.effects import FeatureSet, VectorSet
from schemas.records import RECORDS, avro_schema
from schemas.registry import Registry
from schemas.registry_file import Entry, RegistryFile
from schemas.settings import load
from schemas.settings_given import FILE_VARIABLE
from schemas.settings_table import KAFKA, settings_table, variable
from sinks.redis import RedisSink

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
CODE = [
    file
    for folder in ("flows", "schemas", "sinks", "sources", "state")
    for file in (ROOT / folder).rglob("*.py")
]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INLINE = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")
ASSIGNMENT = re.compile(r"\w+=\S*")

SHELL = {"", "sh", "console"}
TABLES = {name.partition(".")[0] for name in settings_table() if "." in name} | {KAFKA}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, languages: set[str]) -> Iterator[str]:
    """The fenced blocks in one of these languages."""
    for language, text in FENCE.findall(page.read_text()):
        if language in languages:
            yield text


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def inline(page: Path) -> list[str]:
    """Code in sentences; it may go over the end of a line."""
    return [code.replace("\n", " ") for code in INLINE.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(prose(page))
    }


def commands(page: Path) -> Iterator[list[str]]:
    """Arguments of every call of headrace in the shell blocks of a page."""
    for block in blocks(page, SHELL):
        for line in block.replace("\\\n", " ").splitlines():
            if re.search(r"\bheadrace ", line) and line.isascii():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                while words and ASSIGNMENT.fullmatch(words[0]):
                    words = words[1:]
                if words and Path(words[0]).name == "headrace":
                    yield words[1:]


def parsed(arguments: list[str]) -> tuple[click.Command, click.Context, dict[str, Any]]:
    """The command that these arguments name and what they give to it, without running it.

    Raises ClickException for a command, an option, a value or an argument too many.
    """
    if arguments[0].startswith("-"):
        command: click.Command | None = headrace
    else:
        command = headrace.get_command(click.Context(headrace), arguments[0])
        arguments = arguments[1:]
    if command is None:
        raise click.UsageError(f"there is no such command: {arguments}")
    context = click.Context(command, info_name=command.name)
    given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if rest:
        raise click.UsageError(f"more than it takes: {rest}")
    return command, context, given


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


@each_page
def test_commands_in_blocks_can_be_given(page: Path) -> None:
    """Names, options, values and the number of arguments; files need not be there."""
    for arguments in commands(page):
        command, context, given = parsed(arguments)
        for parameter in command.params:
            value = given.get(parameter.name or "")
            missing = parameter.value_is_missing(value)
            assert not (missing and parameter.required), f"{page.name}: {arguments} lacks {parameter.name}"
            if not missing and not isinstance(parameter.type, click.Path):
                parameter.type_cast_value(context, value)


@each_page
def test_commands_in_sentences_exist(page: Path) -> None:
    for code in inline(page):
        if code.startswith("headrace ") and not code.startswith("headrace -"):
            name, *words = code.split()[1:]
            command = headrace.get_command(click.Context(headrace), name)
            assert command is not None, f"{page.name}: {code}"
            options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            missing = {word for word in words if word.startswith("-")} - options
            assert not missing, f"{page.name}: {code}"


@pytest.mark.parametrize(
    "line", ["rum windows", "run windows --til-end", "run", "run a b", "trending -n many"]
)
def test_a_wrong_command_would_be_found(line: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```sh\nA=1 headrace {line}  # why\n```\n")
    with pytest.raises((click.ClickException, AssertionError)):
        test_commands_in_blocks_can_be_given(page)


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "docker").iterdir()], ids=lambda page: page.name)
def test_variables_are_those_of_settings(page: Path) -> None:
    known = {setting.variable for setting in settings_table().values()} | {FILE_VARIABLE}
    for name in re.findall(r"HEADRACE_[A-Z][A-Z_]*", page.read_text()):
        assert name in known or name.startswith(f"{variable(KAFKA)}__"), f"{page.name}: {name}"


@each_page
def test_settings_and_metrics_in_sentences_exist(page: Path) -> None:
    """`table.name`, and `name = value` unless it is a field of a record or of the feature registry."""
    fields = {field["name"] for record in RECORDS for field in avro_schema(record)["fields"]}
    fields |= {*RegistryFile.__struct_fields__, *Entry.__struct_fields__}
    known = settings_table().keys() | fields
    measured = {metric.name for metric in vars(metrics).values() if isinstance(metric, metrics.Metric)} | {
        "headrace_"
    }
    for code in inline(page):
        if match := re.fullmatch(r"([a-z_]+)\.([a-z_*.]+)", code):
            table, name = match.groups()
            assert table not in TABLES - {KAFKA} or name == "*" or code in known, f"{page.name}: {code}"
        if match := re.fullmatch(r"([a-z_.]+) = .+", code):
            assert match[1] in known, f"{page.name}: {code}"
        for name in re.findall(r"headrace_\w+", code):
            assert name in measured, f"{page.name}: {code}"


@each_page
def test_settings_in_blocks_load(page: Path, tmp_path: Path) -> None:
    """A block of TOML is a settings file, unless it defines features."""
    for block in blocks(page, {"toml"}):
        if "[[feature]]" not in block:
            file = tmp_path / "headrace.toml"
            file.write_text(block)
            load(file)


def test_the_table_of_symptoms_quotes_the_code() -> None:
    """Whoever searches for a sentence on stderr finds it."""
    said = "\n".join(file.read_text() for file in CODE)
    page = (ROOT / "docs/operations.md").read_text()
    _, _, table = page.partition("| symptom |")
    quoted = [
        code
        for line in table.splitlines()[2:]
        if line.startswith("| `")
        for code in INLINE.findall(line.split(" | ")[0])
    ]
    assert quoted
    assert [code for code in quoted if code not in said] == []


def test_the_example_in_the_readme_reads_a_vector(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints the as-of time and each value by its name."""
    registry = Registry.load()
    features = registry.entity("post")
    post = 3_706_286_159_953_941_331
    values = np.arange(len(features), dtype=np.float32)[None]
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url}), registry.version)
    sink.write([FeatureSet(registry.version, json.dumps(registry.feature_set()))])
    sink.write([VectorSet("post", np.array([post]), np.array([7]), values, np.array([False]))])
    sink.flush()
    sink.close()
    [example] = blocks(ROOT / "README.md", {"python"})
    client = redis.Redis.from_url(redis_url)
    monkeypatch.setattr(redis, "Redis", lambda **_: client)
    exec(compile(example, "README.md", "exec"), {})
    names = [feature.name for feature in features]
    assert capsys.readouterr().out.strip() == f"7 {dict(zip(names, values[0].tolist(), strict=True))}"
    client.close()
