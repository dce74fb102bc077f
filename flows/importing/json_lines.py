"""JSON lines: an object a line, checked against the types of the record while it is read."""

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta

from flows.importing.chunk import CHUNK_ROWS, BadRow, Chunk
from schemas.errors import HeadraceError
from schemas.records import arrow_schema, avro_schema

Int = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
PRIMITIVES: dict[str, Any] = {
    "boolean": bool,
    "int": Int,
    "long": Long,
    "float": float,
    "double": float,
    "string": str,
}
EXTRA: dict[str, Any] = {"append_ms": Long, "_delete": bool}
EXTRA_COLUMNS = [("append_ms", "long", pa.int64()), ("_delete", "boolean", pa.bool_())]


def read_json_lines(file: Path, record: str) -> Iterator[Chunk]:
    """The rows of the file; a line that is no JSON object, or has a value of another type, is bad.

    Blank lines are nothing. Raises HeadraceError when the file can't be read.
    """
    decoder = msgspec.json.Decoder(row_type(record))
    try:
        with file.open("rb") as text:
            lines = enumerate(text, start=1)
            while numbered := list(islice(lines, CHUNK_ROWS)):
                yield _chunk(file, numbered, decoder, record)
    except OSError as error:
        raise HeadraceError(f"{file} can't be read: {error.strerror}") from error


def _chunk(
    file: Path, numbered: list[tuple[int, bytes]], decoder: msgspec.json.Decoder[Any], record: str
) -> Chunk:
    rows, lines, bad = [], [], []
    for number, line in numbered:
        try:
            rows.append(decoder.decode(line))
            lines.append(number)
        except msgspec.MsgspecError as error:
            if line.strip():
                bad.append(BadRow(file, number, str(error)))
    columns = {
        name: pa.array(in_plain(list(map(attrgetter(name), rows)), avro), kind)
        for name, avro, kind in _columns(record)
    }
    return Chunk(file, np.array(lines, dtype=np.int64), pa.RecordBatch.from_pydict(columns), bad, whole=False)


def _columns(record: str) -> list[tuple[str, Any, pa.DataType]]:
    fields = [(field["name"], field["type"]) for field in avro_schema(record)["fields"]]
    kinds = {
        field.name: pa.string() if pa.types.is_dictionary(field.type) else field.type
        for field in arrow_schema(record)
    }
    return [*((name, avro, kinds[name]) for name, avro in fields), *EXTRA_COLUMNS]


def in_plain(values: list[Any], avro: Any) -> list[Any]:
    """Values as Arrow takes them: nested records as dictionaries, and NaN for a number that is missing in a list."""
    if not isinstance(avro, dict) or avro["type"] == "enum" or avro.get("items") == "string":
        return values
    return [None if value is None else _plain(msgspec.to_builtins(value), avro) for value in values]


def _plain(value: Any, avro: Any) -> Any:
    match avro:
        case {"type": "array", "items": "float"}:
            return [math.nan if item is None else item for item in value]
        case {"type": "array", "items": items}:
            return [_plain(item, items) for item in value]
        case {"type": "record", "fields": fields}:
            return {field["name"]: _plain(value[field["name"]], field["type"]) for field in fields}
        case {"type": "map"}:
            return list(value.items())
    return value


def first_names(file: Path) -> list[str]:
    """The names in the first line that is an object."""
    try:
        with file.open("rb") as text:
            for line in text:
                with suppress(msgspec.MsgspecError):
                    return list(msgspec.json.decode(line, type=dict[str, Any]))
    except OSError as error:
        raise HeadraceError(f"{file} can't be read: {error.strerror}") from error
    return []


def row_type(record: str) -> type[msgspec.Struct]:
    """A class with the fields of a record and their types; any of them may be missing."""
    types = {field["name"]: json_type(field["type"]) for field in avro_schema(record)["fields"]} | EXTRA
    return msgspec.defstruct(record, [(name, kind | None, None) for name, kind in types.items()])


def json_type(avro: Any) -> Any:
    """The Python type that a JSON value of an Avro type is decoded and checked by."""
    match avro:
        case str():
            return PRIMITIVES[avro]
        case ["null", inner]:
            return json_type(inner)
        case {"type": "enum", "symbols": symbols}:
            return Literal[tuple(symbols)]
        case {"type": "array", "items": "float"}:
            return list[float | None]
        case {"type": "array", "items": items}:
            return list[json_type(items)]  # type: ignore[misc]
        case {"type": "map", "values": values}:
            return dict[str, json_type(values)]  # type: ignore[misc]
        case {"type": "record", "name": name, "fields": fields}:
            return msgspec.defstruct(name, [(field["name"], json_type(field["type"])) for field in fields])
    raise ValueError(f"no JSON value holds the Avro type {avro!r}")
