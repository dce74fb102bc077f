"""Schemas that came from elsewhere: what may be worked with, and what would never end."""

import time
from typing import Any

import pytest

from schemas.avro_bounds import sound_schema
from schemas.errors import UsageError
from schemas.records import RECORDS, avro_schema, versions


def record(*types: Any, name: str = "R") -> dict[str, Any]:
    """A record whose fields have these types."""
    fields = [{"name": f"f{place}", "type": type_} for place, type_ in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def nested(depth: int) -> Any:
    schema: Any = "long"
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def doubling(levels: int) -> dict[str, Any]:
    """A record that holds another one twice, and so on: 2^levels longs in a few lines."""
    schema: Any = "long"
    for level in range(levels):
        name = f"L{level}"
        first = record(schema, schema if isinstance(schema, str) else schema["name"], name=name)
        schema = first
    assert isinstance(schema, dict)
    return schema


def wide(types: int) -> dict[str, Any]:
    return record(*["long"] * types)


@pytest.mark.parametrize("name", RECORDS)
def test_all_of_ours_are_sound(name: str) -> None:
    assert [sound_schema(schema) for schema in versions(name)] == versions(name)


UNSOUND: dict[str, tuple[Any, str]] = {
    "a text": ("long", "describes no record"),
    "nothing": (None, "describes no record"),
    "no fields": ({"type": "record", "name": "R"}, "no Avro schema that can be read"),
    "fields that are none": ({"type": "record", "name": "R", "fields": ["long"]}, "no Avro schema"),
    "a field without a type": ({"type": "record", "name": "R", "fields": [{"name": "a"}]}, "no Avro schema"),
    "a namespace that is none": ({**record("long"), "namespace": 7}, "no Avro schema"),
    "an array of nothing": (record({"type": "array"}), "no Avro schema"),
    "an unknown type": (record("lung"), "names the type 'lung', which it does not have"),
    "a number": (record(7), "no Avro schema"),
    "a symbol twice": (record({"type": "enum", "name": "E", "symbols": ["a", "a"]}), "no Avro schema"),
    "a list": (record(["null", "R"]), "its type R contains itself"),
    "deep": (record(nested(33)), "nested more than 32 deep"),
    "very deep": (record(nested(900)), "nested more than 32 deep"),
    "doubling": (doubling(16), "made of more than 10000 types"),
    "wide": (wide(10_001), "made of more than 10000 types"),
}


@pytest.mark.parametrize(("schema", "why"), UNSOUND.values(), ids=UNSOUND)
def test_what_can_not_be_worked_with_is_refused(schema: Any, why: str) -> None:
    began = time.process_time()
    with pytest.raises(UsageError, match=why):
        sound_schema(schema)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "schema", [record(nested(30)), doubling(10), wide(9_000)], ids=["deep", "many", "wide"]
)
def test_large_ones_are_taken(schema: Any) -> None:
    assert sound_schema(schema) == schema


def test_a_type_may_be_named_by_its_namespace() -> None:
    pair = {"type": "record", "name": "Pair", "namespace": "a.b", "fields": [{"name": "x", "type": "int"}]}
    sound_schema({**record(pair, "a.b.Pair"), "namespace": "c"})
    with pytest.raises(UsageError, match="names the type 'Pair'"):
        sound_schema({**record(pair, "Pair"), "namespace": "c"})
    sound_schema({**avro_schema("Served"), "namespace": "elsewhere"})
