"""One column of a file as one column of a record: text is read, types are widened, anything else is no value."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from flows.importing.json_lines import in_plain, json_type

WORDS: Final = {"true": True, "false": False, "1": True, "0": False}
SEPARATOR: Final = "|"


class ColumnError(ValueError):
    """No row of this column can be what is needed; the message names the type that is."""


def convert(raw: pa.Array, avro: Any, kind: pa.DataType) -> pa.Array:
    """`raw` as the Arrow type `kind` of the Avro type `avro`: null where a row holds nothing of it.

    An empty text is null, except for text that must be there. Raises ColumnError when the whole column is of a type
    that can't be meant.
    """
    nullable = isinstance(avro, list)
    inner = avro[1] if nullable else avro
    if pa.types.is_null(raw.type):
        return pa.nulls(len(raw), kind)
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type) or pa.types.is_string_view(raw.type):
        raw = raw.cast(pa.string())
    if pa.types.is_string(raw.type) and (inner != "string" or nullable):
        raw = pc.if_else(pc.equal(raw, ""), None, raw)
    match inner:
        case "string":
            return text(raw)
        case "int" | "long":
            return whole(raw, kind)
        case "float" | "double":
            return number(raw, kind)
        case "boolean":
            return truth(raw)
        case {"type": "enum", "symbols": symbols}:
            return word(raw, symbols)
    return nested(raw, inner, kind)


def noun(avro: Any) -> str:
    """What a value of this type is called."""
    match avro:
        case ["null", inner]:
            return noun(inner)
        case {"type": "enum", "symbols": symbols}:
            return f"one of {', '.join(symbols)}"
        case {"type": "array"}:
            return "a list"
        case {"type": "map" | "record"}:
            return "an object"
    return {
        "string": "text",
        "int": "a whole number of 32 bits",
        "long": "a whole number of 64 bits",
        "boolean": "true or false",
    }.get(avro, "a number")


def text(raw: pa.Array) -> pa.Array:
    """Text as it is."""
    if not pa.types.is_string(raw.type):
        raise ColumnError("text")
    return raw


def whole(raw: pa.Array, kind: pa.DataType) -> pa.Array:
    """Whole numbers; of floating-point numbers those that are whole, and NaN is nothing."""
    if raw.type == kind:
        return raw
    if pa.types.is_floating(raw.type):
        floats = _series(raw)
        raw = pl.select(pl.when(floats == floats.floor()).then(floats)).to_series().to_arrow()
    elif not (pa.types.is_integer(raw.type) or pa.types.is_string(raw.type)):
        raise ColumnError("whole numbers")
    target = pl.Int32 if kind == pa.int32() else pl.Int64
    return _array(_series(raw).cast(target, strict=False), kind)


def number(raw: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers with a fraction."""
    if raw.type == kind:
        return raw
    if not (pa.types.is_floating(raw.type) or pa.types.is_integer(raw.type) or pa.types.is_string(raw.type)):
        raise ColumnError("numbers")
    return _array(_series(raw).cast(pl.Float64, strict=False), kind)


def truth(raw: pa.Array) -> pa.Array:
    """true, false, 1 and 0 in any case."""
    if pa.types.is_boolean(raw.type):
        return raw
    if not pa.types.is_string(raw.type):
        raise ColumnError("true or false")
    words = _series(raw).str.to_lowercase().replace_strict(WORDS, default=None, return_dtype=pl.Boolean)
    return _array(words, pa.bool_())


def word(raw: pa.Array, symbols: Sequence[str]) -> pa.Array:
    """Words of a fixed list, as codes in its order."""
    codes = {symbol: code for code, symbol in enumerate(symbols)}
    indices = _series(text(raw)).replace_strict(codes, default=None, return_dtype=pl.Int8)
    return pa.DictionaryArray.from_arrays(_array(indices, pa.int8()), pa.array(symbols))


def nested(raw: pa.Array, avro: Any, kind: pa.DataType) -> pa.Array:
    """Lists, maps and records: as columns of such a type, or as text: JSON, or words with `|` between."""
    if pa.types.is_string(raw.type):
        decoder = msgspec.json.Decoder(json_type(avro))
        words = avro.get("items") == "string"
        cells = [None if cell is None else _cell(cell, decoder, words) for cell in raw.to_pylist()]
        return pa.array(in_plain(cells, avro), kind)
    try:
        cast = raw.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ColumnError(str(kind)) from error
    if not pa.types.is_list(kind) or not cast.values.null_count:
        return cast
    if kind.value_type == pa.float32():
        return pa.ListArray.from_arrays(
            cast.offsets, pc.fill_null(cast.values, float("nan")), mask=cast.is_null()
        )
    holed = pc.unique(pc.list_parent_indices(cast).filter(pc.is_null(pc.list_flatten(cast))))
    return pc.if_else(pc.is_in(pa.array(range(len(cast))), holed.cast(pa.int64())), None, cast)


def _cell(cell: str, decoder: "msgspec.json.Decoder[Any]", words: bool) -> Any:
    """The value in a cell; None if there is none."""
    if words and not cell.startswith("["):
        return cell.split(SEPARATOR)
    try:
        return decoder.decode(cell)
    except msgspec.MsgspecError:
        return None


def _series(array: pa.Array) -> pl.Series:
    return pl.Series(values=pl.from_arrow(array))


def _array(series: pl.Series, kind: pa.DataType) -> pa.Array:
    return series.to_arrow().cast(kind)
