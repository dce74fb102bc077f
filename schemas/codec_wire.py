"""Avro bytes to Arrow columns and back by pyruhvro, many values in one call.

Two things are arranged so that one call is both fast and sure.

*Lenient types.* Enums and ints are read as longs, which is what their bytes are: an unknown enum value or an int
beyond 32 bits then is a number in a column, not a batch that fails as a whole.

*Guards.* pyruhvro neither says where a record ended nor minds bytes that are left over. So the values, and one of
our own after the last, are joined to one Avro array with a secret 6-byte guard before each, which reads, with the
two marker bytes of a single-object value, as one double. Every item consumes the guard at its start, there are as
many guards as items, and no sender can know the guard: if every item starts with it, then item i is exactly value
i, without a byte more or less. Before the guard comes a boolean: read out of step it is most likely a byte that is
no boolean, so that a damaged batch is given up early.
"""

import json
import secrets
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyruhvro

from schemas.codec_walk import reach
from schemas.records import AvroSchema

MARKER: Final = b"\xc3\x01"
"""The first two bytes of a value in single-object encoding; the 8 bytes of the fingerprint follow."""

HEADER_BYTES: Final = 10

MOST_BYTES: Final = 1 << 28
"""Values joined in one call stay below this, far from the 2 GiB that a column of strings may hold."""

_GUARD: Final = bytes(2 + secrets.randbelow(254) for _ in range(6))  # no byte of it is a boolean
_BEFORE: Final = b"\1" + _GUARD
_START_BITS: Final = int.from_bytes(_GUARD + MARKER, "little", signed=True)
_MARKER_LONG: Final = -98  # what the two marker bytes are as an Avro long

_SAME: Final = frozenset({"boolean", "long", "float", "double", "string"})


class UnsupportedError(Exception):
    """The schema has a type that pyruhvro can't carry."""


def lenient(avro: Any) -> Any:
    """The Avro type that reads the same bytes with enums and ints as longs; raises UnsupportedError."""
    match avro:
        case "int":
            return "long"
        case str() if avro in _SAME:
            return avro
        case ["null", inner] if lenient(inner) in _SAME:
            return ["null", lenient(inner)]
        case {"type": "enum"}:
            return "long"
        case {"type": "array", "items": items}:
            return {"type": "array", "items": lenient(items)}
        case {"type": "map", "values": values}:
            return {"type": "map", "values": lenient(values)}
        case {"type": "record", "name": name, "fields": [_, *_] as fields}:
            return {"type": "record", "name": name, "fields": [_lenient_field(field) for field in fields]}
    raise UnsupportedError(str(avro))


def _lenient_field(field: AvroSchema) -> AvroSchema:
    return {"name": field["name"], "type": lenient(field["type"])}


class Wire:
    """One writer schema on the fast path; raises UnsupportedError where that can't carry it."""

    def __init__(self, schema: AvroSchema, fingerprint: bytes) -> None:
        self.record = lenient(schema)
        self.reach = reach(self.record)
        self._fingerprint_bits = int.from_bytes(fingerprint, "little", signed=True)
        (self._fingerprint_double,) = struct.unpack("<d", fingerprint)
        guarded = [
            {"name": "_step", "type": "boolean"},
            {"name": "_start", "type": "double"},
            {"name": "_fingerprint", "type": "double"},
        ]
        item = {**self.record, "name": "_Item", "fields": guarded + self.record["fields"]}
        values = {"name": "values", "type": {"type": "array", "items": item}}
        self._joined = json.dumps({"type": "record", "name": "_Joined", "fields": [values]})
        self._last = _BEFORE + MARKER + fingerprint + bytes(_least_bytes(self.record))
        header = [{"name": "_marker", "type": "long"}, {"name": "_fingerprint", "type": "double"}]
        self._single = json.dumps({**self.record, "fields": header + self.record["fields"]})

    def read(self, values: Sequence[bytes]) -> tuple[list[pa.Array], npt.NDArray[np.bool_]] | None:
        """The lenient columns of `values`, and which rows have this schema's fingerprint.

        None says that at least one value is damaged, or is of another schema; it doesn't say which.
        """
        joined = b"".join((_long(len(values) + 1), _BEFORE, _BEFORE.join(values), self._last, b"\0"))
        try:
            batch = pyruhvro.deserialize_array([joined], self._joined)
        except ValueError:
            return None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # a panic of pyruhvro is no `Exception`
                raise
            return None
        items = batch.column(0).values
        if not (_bits(items.field(1)) == _START_BITS).all():
            return None
        _, _, fingerprint, *columns = items.slice(0, len(values)).flatten()
        return columns, _bits(fingerprint) == self._fingerprint_bits

    def write(self, columns: Sequence[pa.Array]) -> list[bytes]:
        """The values of lenient `columns`, each with its header."""
        rows = len(columns[0])
        marker = pa.array(np.full(rows, _MARKER_LONG, np.int64))
        fingerprint = pa.array(np.full(rows, self._fingerprint_double))
        names = ["_marker", "_fingerprint", *(field["name"] for field in self.record["fields"])]
        batch = pa.RecordBatch.from_arrays([marker, fingerprint, *columns], names)
        (encoded,) = pyruhvro.serialize_record_batch(batch, self._single, 1)
        return _split(encoded)


def _least_bytes(avro: Any) -> int:
    """How many zero bytes are one value of a lenient type."""
    match avro:
        case "float":
            return 4
        case "double":
            return 8
        case {"type": "record", "fields": fields}:
            return sum(_least_bytes(field["type"]) for field in fields)
    return 1


def _long(number: int) -> bytes:
    """A count, as an Avro long."""
    rest, encoded = number << 1, bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*encoded, rest))


def _bits(doubles: pa.Array) -> npt.NDArray[np.int64]:
    bits: npt.NDArray[np.int64] = doubles.to_numpy().view(np.int64)
    return bits


def _split(encoded: pa.Array) -> list[bytes]:
    _, offsets, data = encoded.buffers()
    joined = data.to_pybytes() if data is not None else b""
    edges = np.frombuffer(offsets, np.int32, len(encoded) + 1, encoded.offset * 4).tolist()
    return [joined[start:end] for start, end in pairwise(edges)]
