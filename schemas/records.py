"""The records that cross a border: their Avro schemas, every version kept, and their Arrow columns.

A record's schema is the file `avro/<Record>/<version>.avsc`; the highest version is what is read into and written,
the others are earlier writers that must still decode. `InteractionBatch` names `headrace.Interaction`, and so has
one version for each version of that.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import fastavro
import pyarrow as pa

from schemas.errors import UsageError

AvroSchema = dict[str, Any]

RECORDS: Final = (
    "Post",
    "Follow",
    "User",
    "Interaction",
    "InteractionBatch",
    "Served",
    "Training",
    "FollowerCount",
    "Tier",
    "Activity",
    "Pulse",
    "Progress",
    "ModelPart",
    "DeadLetter",
)
"""Every record type there is."""

BATCHED: Final = {"Interaction": "InteractionBatch"}
"""Records that may also come as an array in one message, and the record of that message."""

_ARROW: Final[dict[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
}
PRIMITIVES: Final = frozenset({"null", *_ARROW})
"""The Avro types that are no more than a name."""


@cache
def _versions(record: str) -> tuple[AvroSchema, ...]:
    if record not in RECORDS:
        raise UsageError(f"there is no record {record!r}; the records are {', '.join(RECORDS)}")
    folder = files("schemas") / "avro" / record
    names = sorted((int(entry.name.removesuffix(".avsc")), entry) for entry in folder.iterdir())
    schemas = [json.loads(entry.read_text(encoding="utf-8")) for _, entry in names]
    item = next((item for item, batch in BATCHED.items() if batch == record), None)
    if item is not None:
        schemas = [batch_schema(record, writer) for writer in _versions(item)]
    return tuple(schemas)


def batch_schema(batch: str, item: AvroSchema) -> AvroSchema:
    """The schema of a message that carries an array of `item` records."""
    text = (files("schemas") / "avro" / batch / "1.avsc").read_text(encoding="utf-8")
    schema: AvroSchema = json.loads(text)
    schema["fields"][0]["type"]["items"] = item
    return schema


def versions(record: str) -> list[AvroSchema]:
    """Every kept schema of `record`, oldest first; raises UsageError for an unknown record."""
    return list(_versions(record))


def avro_schema(record: str) -> AvroSchema:
    """The schema that is read into and written."""
    return _versions(record)[-1]


def fingerprint(schema: AvroSchema) -> bytes:
    """The 8 bytes that name `schema` in single-object encoding: CRC-64-AVRO of its canonical form, little-endian.

    >>> fingerprint({"type": "record", "name": "Empty", "fields": []}).hex()
    '348671a2a5670915'
    """
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def arrow_type(avro: Any) -> pa.DataType:
    """The Arrow type of an Avro type; an enum is a dictionary of exactly its symbols, in their order."""
    match avro:
        case str():
            return _ARROW[avro]
        case ["null", inner] | [inner, "null"]:
            return arrow_type(inner)
        case {"type": "enum"}:
            return pa.dictionary(pa.int8(), pa.string())
        case {"type": "array", "items": items}:
            return pa.list_(pa.field("item", arrow_type(items)))
        case {"type": "map", "values": values}:
            return pa.map_(pa.string(), pa.field("value", arrow_type(values), nullable=False))
        case {"type": "record", "fields": fields}:
            return pa.struct([_field(field) for field in fields])
    raise ValueError(f"no column holds the Avro type {avro!r}")


def _field(field: AvroSchema) -> pa.Field:
    return pa.field(field["name"], arrow_type(field["type"]), nullable=isinstance(field["type"], list))


@cache
def arrow_schema(record: str) -> pa.Schema:
    """The columns of `record`, in the order of its fields."""
    return pa.schema([_field(field) for field in avro_schema(record)["fields"]])


def enum_symbols(record: str, field: str) -> tuple[str, ...]:
    """The words of an enum field, so that `symbols[code]` is the word of a code of the column.

    >>> enum_symbols("Tier", "tier")
    ('normal', 'mid', 'celebrity')
    """
    return next(tuple(f["type"]["symbols"]) for f in avro_schema(record)["fields"] if f["name"] == field)


def load_extra(folder: Path) -> dict[str, list[AvroSchema]]:
    """Writer schemas from the `.avsc` files of a folder, by the record whose codec takes them, in file order.

    They let values of writers that this version does not ship be read; each is resolved into the current columns.
    A schema of a batch belongs to the record that it carries; that record's own schema brings its batch with it.
    Raises UsageError for a folder or file that can't be read, and for a schema of no record of ours.
    """
    carried = {batch: item for item, batch in BATCHED.items()}
    found: dict[str, list[AvroSchema]] = {}
    for path, schema in _read_folder(folder):
        name = schema.get("name") if isinstance(schema, dict) else None
        record = str(name).removeprefix("headrace.")
        if record not in RECORDS:
            raise UsageError(f"{path} describes {name!r}, which is none of the records {', '.join(RECORDS)}")
        try:
            fastavro.parse_schema(schema)
        except Exception as error:
            raise UsageError(f"{path} is no valid Avro schema: {error}") from error
        found.setdefault(carried.get(record, record), []).append(schema)
    return found


def _read_folder(folder: Path) -> Iterator[tuple[Path, Any]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".avsc")
        schemas = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    except (OSError, ValueError) as error:
        raise UsageError(f"the schemas in {folder} can't be read: {error}") from error
    return zip(paths, schemas, strict=True)
