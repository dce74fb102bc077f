"""`headrace schemas`, and what `import`, `tail` and `doctor` do with a schema registry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.records import RECORDS, avro_schema, fingerprint, versions
from schemas.settings import load
from schemas.topics import TOPICS
from sinks.open_writer import open_writer
from tests.flows.cli.logs import PARTITIONS, Commands
from tests.services.registry import BROKEN, SchemaRegistry
from tests.sources.places import everything

SUBJECTS = [f"{topic}-value" for topic in TOPICS] + ["interactions-headrace.InteractionBatch"]


@pytest.fixture
def registry(headrace: Commands) -> Iterator[SchemaRegistry]:
    """A registry that the commands know."""
    with SchemaRegistry(user="me", password="s3cret") as own:
        headrace.env["HEADRACE_SCHEMA_REGISTRY"] = own.url
        headrace.env["HEADRACE_SCHEMA_REGISTRY_USER"] = "me"
        headrace.env["HEADRACE_SCHEMA_REGISTRY_PASSWORD"] = "s3cret"
        headrace.env["HEADRACE_SCHEMA_REGISTRY_RETRY_MS"] = "300"
        yield own


def states(text: str) -> dict[str, str]:
    found: list[dict[str, Any]] = json.loads(text)
    return {one["subject"]: one["state"] for one in found}


def test_every_record_is_printed_with_its_versions(headrace: Commands) -> None:
    lines = headrace("schemas").out.splitlines()
    printed = [line.split() for line in lines[1:]]
    expected = [
        [record, str(number), fingerprint(schema).hex()]
        for record in RECORDS
        for number, schema in enumerate(versions(record), 1)
    ]
    assert [words[:3] for words in printed] == expected
    training = next(words for words in printed if words[0] == "Training")
    assert training[3:] == ["training_fast,", "training"]


def test_the_json_has_schemas_and_subjects(headrace: Commands) -> None:
    headrace.env["HEADRACE_TOPIC_PREFIX"] = "eu."
    found = {one["record"]: one for one in json.loads(headrace("schemas", "--json").out)}
    assert list(found) == list(RECORDS)
    assert found["Interaction"]["schema"] == avro_schema("Interaction")
    assert found["InteractionBatch"]["subjects"] == ["eu.interactions-headrace.InteractionBatch"]
    assert found["InteractionBatch"]["topics"] == ["eu.interactions"]
    assert found["Training"]["subjects"] == ["eu.training_fast-value", "eu.training-value"]


def test_registering_twice_changes_nothing(headrace: Commands, registry: SchemaRegistry) -> None:
    first = headrace("schemas", "register", "--json")
    assert (first.code, set(states(first.out).values())) == (0, {"registered"})
    assert sorted(registry.subjects) == sorted(SUBJECTS)
    before = {subject: list(ids) for subject, ids in registry.subjects.items()}
    second = headrace("schemas", "register")
    assert second.code == 0
    lines = second.out.splitlines()[1:]
    assert {line.split()[0]: line.split()[2:] for line in lines} == {
        subject: [str(ids[-1]), "there"] for subject, ids in before.items()
    }
    assert registry.subjects == before


def test_what_the_registry_refuses_stops_nothing_else(headrace: Commands, registry: SchemaRegistry) -> None:
    registry.add({**avro_schema("Post"), "fields": []}, "posts-value")
    done = headrace("schemas", "register")
    assert done.code == 1
    assert "refused: Schema being registered is incompatible" in done.out
    assert sorted(registry.subjects) == sorted(SUBJECTS)


def test_check_tells_the_compatible_from_the_others(headrace: Commands, registry: SchemaRegistry) -> None:
    assert headrace("schemas", "check").code == 0
    registry.add(versions("Post")[0], "posts-value")
    registry.add(avro_schema("Follow"), "follows-value")
    registry.add({**avro_schema("User"), "fields": []}, "users-value")
    done = headrace("schemas", "check", "--json")
    assert done.code == 1
    found = states(done.out)
    ids = {one["subject"]: one["schema_id"] for one in json.loads(done.out)}
    assert (ids["posts-value"], ids["follows-value"]) == (None, registry.subjects["follows-value"][0])
    assert found.pop("posts-value") == found.pop("follows-value") == "compatible"
    assert found.pop("users-value") == "incompatible"
    assert set(found.values()) == {"missing"}
    [line] = [
        line for line in headrace("schemas", "check").out.splitlines() if line.startswith("users-value")
    ]
    assert line.endswith("incompatible: READER_FIELD_MISSING_DEFAULT_VALUE")
    assert not [question for question in registry.asked if question.endswith("/versions")]


@pytest.mark.parametrize("action", ["register", "check"])
def test_a_registry_that_is_broken_is_one_sentence(
    headrace: Commands, registry: SchemaRegistry, action: str
) -> None:
    registry.answers += [BROKEN] * 100
    done = headrace("schemas", action)
    assert done.code == 1
    assert done.err.startswith(f"headrace: the schema registry at {registry.url} did not answer for")
    assert "HTTP 500" in done.err


@pytest.mark.parametrize("action", ["register", "check"])
def test_without_a_registry_it_says_what_to_set(headrace: Commands, action: str) -> None:
    done = headrace("schemas", action)
    assert (done.code, "HEADRACE_SCHEMA_REGISTRY" in done.err) == (2, True)


def test_a_wrong_password_is_one_sentence_without_it(headrace: Commands, registry: SchemaRegistry) -> None:
    headrace.env["HEADRACE_SCHEMA_REGISTRY_PASSWORD"] = "0ther"
    done = headrace("schemas", "check")
    assert (done.code, "refuses this user" in done.err, "0ther" in done.err) == (1, True, False)


def test_import_writes_the_form_that_is_set_and_tail_reads_it(
    headrace: Commands, registry: SchemaRegistry, tmp_path: Path
) -> None:
    headrace.env["HEADRACE_WIRE_FORMAT"] = "confluent"
    file = tmp_path / "activity.csv"
    file.write_text("user_id,at_ms,tick_ms\n7,1000,2000\n")
    done = headrace("import", "activity", file, "--close")
    assert done.code == 0, done.err
    [schema_id] = registry.subjects["activity-value"]
    assert "pulse-value" in registry.subjects
    log = headrace.log()
    values = [value for part in range(PARTITIONS) for value in everything(log, "activity", part).values]
    assert values == [b"\0" + schema_id.to_bytes(4, "big") + b"\x0e\xd0\x0f\xa0\x1f"]
    assert json.loads(headrace("tail", "activity").out)["user_id"] == 7
    registry.stop()
    done = headrace("tail", "activity")
    assert (done.code, "did not answer" in done.err) == (1, True)


def test_doctor_asks_the_registry(headrace: Commands, registry: SchemaRegistry) -> None:
    def findings() -> list[tuple[str, str]]:
        found: list[dict[str, str]] = json.loads(headrace("doctor", "--json").out)
        return [(one["level"], one["text"]) for one in found if one["subject"] == "registry"]

    writer = open_writer(load(env=headrace.env))
    writer.create(["interactions"], PARTITIONS)
    writer.close()
    assert findings() == [("ok", f"{registry.url} answers; our schemas: 15 missing")]
    headrace("schemas", "register")
    assert findings() == [("ok", f"{registry.url} answers; our schemas: 15 compatible")]
    registry.add({**avro_schema("User"), "fields": []}, "users-value")
    [_, (level, text)] = findings()
    assert (level, text.startswith("User may not follow the latest schema of users-value: READER")) == (
        "warn",
        True,
    )
    headrace.env["HEADRACE_WIRE_FORMAT"] = "confluent"
    assert [level for level, _ in findings()] == ["ok", "fail"]
    registry.stop()
    [(level, text)] = findings()
    assert (level, "did not answer" in text) == ("fail", True)
