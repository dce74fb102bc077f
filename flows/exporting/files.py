"""Rows into a file: Parquet, JSON lines or CSV, by the end of its name; the file is there when it is whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import HeadraceError, UsageError

Write = Callable[[pa.RecordBatch], None]

ENCODER: Final = msgspec.json.Encoder()


@contextmanager
def table_file(file: Path, schema: pa.Schema) -> Iterator[Write]:
    """A function that writes rows of this schema; on leaving without an error the file takes its name.

    Raises UsageError for a name that ends in nothing known, HeadraceError when the file can't be written.
    """
    opened = {".parquet": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv}.get(
        file.suffix.lower()
    )
    if opened is None:
        raise UsageError(f"{file} ends in none of .parquet, .jsonl, .csv; name it after what it is to be")
    draft = file.with_name(f".{file.name}.part")
    try:
        with draft.open("wb") as out, opened(out, schema) as write:
            yield write
        draft.replace(file)
    except OSError as error:
        raise HeadraceError(f"{file} can't be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def json_line(row: dict[str, Any]) -> bytes:
    """A row as a line of JSON: a number that is NaN is null, bytes are base64."""
    return ENCODER.encode(row) + b"\n"


@contextmanager
def _parquet(out: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        yield writer.write_batch


@contextmanager
def _json_lines(out: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    if any(map(_needs_python, schema)):
        yield lambda rows: out.writelines(map(json_line, rows.to_pylist(maps_as_pydicts="strict")))
    else:
        yield lambda rows: pl.DataFrame(pl.from_arrow(rows)).write_ndjson(out)


def _needs_python(field: pa.Field) -> bool:
    """Whether polars would write it otherwise than as `json_line` does, ten times faster."""
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    return not (
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_dictionary(kind)
    )


@contextmanager
def _csv(out: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    """Lists, maps and records become JSON in their cell, bytes base64."""
    header = pl.DataFrame(schema=dict.fromkeys(schema.names, pl.String))
    header.write_csv(out)

    def write(rows: pa.RecordBatch) -> None:
        cells = {name: _cells(rows.column(name)) for name in schema.names}
        pl.DataFrame(cells).write_csv(out, include_header=False)

    yield write


def _cells(column: pa.Array) -> pl.Series:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if not (pa.types.is_nested(column.type) or pa.types.is_binary(column.type)):
        return pl.Series(values=pl.from_arrow(column))
    values = column.to_pylist(maps_as_pydicts="strict")
    texts = [None if value is None else ENCODER.encode(value).decode().strip('"') for value in values]
    return pl.Series(values=texts, dtype=pl.String)
