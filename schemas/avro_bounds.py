"""Is a schema that came from elsewhere one that can be worked with? It is data: nothing in it is trusted."""

from typing import Any, Final

import fastavro

from schemas.errors import UsageError
from schemas.records import PRIMITIVES, AvroSchema

DEEPEST: Final = 32
MOST_TYPES: Final = 10_000
"""Types in a schema, each named one counted wherever it is used: a short text can mean a very long record."""

_NO_SCHEMA: Final = "it is no Avro schema that can be read"


def sound_schema(schema: Any) -> AvroSchema:
    """The schema of a record, if it is one, is valid Avro, not endless and of a bearable size; else UsageError."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise UsageError("it describes no record")
    _count(schema, {}, "", 0)
    try:
        fastavro.parse_schema(schema)
    except Exception as error:  # whatever fastavro makes of it
        raise UsageError(f"{_NO_SCHEMA} ({_in_a_line(error)})") from error
    return schema


def _count(avro: Any, named: dict[str, int | None], namespace: str, depth: int) -> int:
    """How many types `avro` is made of; `named` has the same for named types, None while one is being counted."""
    if depth > DEEPEST:
        raise UsageError(f"its types are nested more than {DEEPEST} deep")
    match avro:
        case str() if avro in PRIMITIVES:
            return 1
        case str():
            return _used(avro, named, namespace)
        case list():
            types = sum(_count(branch, named, namespace, depth + 1) for branch in avro)
        case {"type": "record" | "error", "name": str(), "fields": list(fields)}:
            name, inside = _full_name(avro, namespace)
            named[name] = None
            types = 0
            for field in fields:
                if (
                    not isinstance(field, dict)
                    or "type" not in field
                    or not isinstance(field.get("name"), str)
                ):
                    raise UsageError(_NO_SCHEMA)
                types = _bounded(types + _count(field["type"], named, inside, depth + 1))
            named[name] = types + 1
        case {"type": "enum" | "fixed", "name": str()}:
            named[_full_name(avro, namespace)[0]] = 1
            return 1
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            types = _count(inner, named, namespace, depth + 1)
        case {"type": inner} if inner not in ("record", "error", "enum", "fixed", "array", "map"):
            types = _count(inner, named, namespace, depth + 1)
        case _:
            raise UsageError(_NO_SCHEMA)
    return _bounded(types + 1)


def _used(name: str, named: dict[str, int | None], namespace: str) -> int:
    full = name if "." in name or not namespace else f"{namespace}.{name}"
    if full not in named:
        raise UsageError(f"it names the type {name[:100]!r}, which it does not have")
    types = named[full]
    if types is None:
        raise UsageError(f"its type {name[:100]} contains itself")
    return types


def _full_name(avro: AvroSchema, namespace: str) -> tuple[str, str]:
    """The full name of a named type, and the namespace inside it."""
    name = avro["name"]
    space = name.rpartition(".")[0] if "." in name else avro.get("namespace", namespace)
    if not isinstance(space, str):
        raise UsageError(_NO_SCHEMA)
    return (name if "." in name or not space else f"{space}.{name}"), space


def _bounded(types: int) -> int:
    if types > MOST_TYPES:
        raise UsageError(f"it is made of more than {MOST_TYPES} types")
    return types


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
