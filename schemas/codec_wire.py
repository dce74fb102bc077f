"""Avro bytes to Arrow columns and back by pyruhvro, many values in one call.

Two things are arranged so that one call is both fast and sure.

*Lenient types.* Enums and ints are read as longs, which is what their bytes are: an unknown enum value or an int
beyond 32 bits then is a number in a column, not a batch that fails as a whole.

*Guards.* pyruhvro neither says where a record ended nor minds bytes that are left over. So the values, and one of
our own after the last, are joined to one Avro array with a secret guard of 6 or 7 bytes before each, which reads,
with the marker of the value's header, as one double; the rest of the header reads as a double or a float. Every item
consumes the guard at its start, there are as many guards as items, and no sender can know the guard: if every item
starts with it, then item i is exactly value i, without a byte more or less. Before the guard comes a boolean: read
out of step it is most likely a byte that is no boolean, so that a damaged batch is given up early.
"""

import json
import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyruhvro

from schemas.codec_header import Header
from schemas.codec_walk import reach
from schemas.records import AvroSchema

MOST_BYTES: Final = 1 << 28
"""Values joined in one call stay below this, far from the 2 GiB that a column of strings may hold."""

_WORD: Final = 8
_GUARD: Final = bytes(2 + secrets.randbelow(254) for _ in range(_WORD - 1))  # no byte of it is a boolean

_MARKS: Final[dict[int, tuple[str, type[np.int64] | type[np.int32]]]] = {
    4: ("float", np.int32),
    8: ("double", np.int64),
}
"""How a mark of so many bytes is read, and the numbers with the same bits: a float's own may be no number."""

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
    """One writer schema behind one header, on the fast path; raises UnsupportedError where that can't carry it."""

    def __init__(self, schema: AvroSchema, header: Header) -> None:
        self.record = lenient(schema)
        self.reach = reach(self.record)
        self._header = header
        mark, self._bits_type = _MARKS[len(header.mark)]
        (self._mark_bits,) = np.frombuffer(header.mark, self._bits_type)
        self._before = b"\1" + _GUARD[: _WORD - len(header.marker)]
        self._start_bits = int.from_bytes(self._before[1:] + header.marker, "little", signed=True)
        guarded = [
            {"name": "_step", "type": "boolean"},
            {"name": "_start", "type": "double"},
            {"name": "_mark", "type": mark},
        ]
        item = {**self.record, "name": "_Item", "fields": guarded + self.record["fields"]}
        values = {"name": "values", "type": {"type": "array", "items": item}}
        self._joined = json.dumps({"type": "record", "name": "_Joined", "fields": [values]})
        self._last = self._before + header.bytes + bytes(_least_bytes(self.record))
        written = [{"name": "_marker", "type": "long"}, {"name": "_mark", "type": mark}]
        self._single = json.dumps({**self.record, "fields": written + self.record["fields"]})

    def read(self, values: Sequence[bytes]) -> tuple[list[pa.Array], npt.NDArray[np.bool_]] | None:
        """The lenient columns of `values`, and which rows have this schema's header.

        None says that at least one value is damaged, or is of another schema; it doesn't say which.
        """
        parts = (_long(len(values) + 1), self._before, self._before.join(values), self._last, b"\0")
        try:
            batch = pyruhvro.deserialize_array([b"".join(parts)], self._joined)
        except ValueError:
            return None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # a panic of pyruhvro is no `Exception`
                raise
            return None
        items = batch.column(0).values
        if not (items.field(1).to_numpy().view(np.int64) == self._start_bits).all():
            return None
        _, _, mark, *columns = items.slice(0, len(values)).flatten()
        return columns, mark.to_numpy().view(self._bits_type) == self._mark_bits

    def write(self, columns: Sequence[pa.Array]) -> list[bytes]:
        """The values of lenient `columns`, each with its header."""
        rows = len(columns[0])
        marker = pa.array(np.full(rows, _as_long(self._header.marker), np.int64))
        bits = np.full(rows, self._mark_bits, self._bits_type)
        mark = pa.array(bits.view(np.dtype(f"f{bits.itemsize}")))
        names = ["_marker", "_mark", *(field["name"] for field in self.record["fields"])]
        batch = pa.RecordBatch.from_arrays([marker, mark, *columns], names)
        (encoded,) = pyruhvro.serialize_record_batch(batch, self._single, 1)
        return _split(encoded)


def _as_long(marker: bytes) -> int:
    """The number that an Avro long of just these bytes is."""
    bits = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(marker))
    return (bits >> 1) ^ -(bits & 1)


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


def _split(encoded: pa.Array) -> list[bytes]:
    _, offsets, data = encoded.buffers()
    joined = data.to_pybytes() if data is not None else b""
    edges = np.frombuffer(offsets, np.int32, len(encoded) + 1, encoded.offset * 4).tolist()
    return [joined[start:end] for start, end in pairwise(edges)]
