"""Rows of a file as rows of a record: what can't be is told by line, and nothing is guessed."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.importing.chunk import BadRow, Chunk
from flows.importing.convert import ColumnError, convert, noun
from schemas.errors import HeadraceError
from schemas.frame import Int64s
from schemas.records import arrow_schema, avro_schema

Flags = npt.NDArray[np.bool_]

NOT_NEGATIVE: Final = frozenset(
    {"at_ms", "append_ms", "created_ms", "served_at_ms", "scored_at_ms", "text_length"}
)
"""Times and lengths; flows know what to make of other negative numbers."""

MADE: Final = "event_id"
"""Where it is missing, it is made from file and line."""

APPEND: Final = "append_ms"
ERASE: Final = "_delete"
IGNORED: Final = frozenset({"partition", "offset", "log_partition", "log_offset"})
"""Columns that an export has and a record has not."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The good rows of a chunk, with the columns of the record.

    `unnamed[i]` says that row i came without an event id; `append_ms` is None where the file has none. `erased[i]`
    says that row i stands for a null value: only the columns of its key hold something.
    """

    rows: pa.RecordBatch
    lines: Int64s
    unnamed: Flags
    append_ms: Int64s | None
    erased: Flags


class Columns:
    """Makes rows of a record of the chunks of one file, in order; collects the bad ones.

    An erased row needs the fields `key` only. `timed`, known from the first row on, is whether the file
    says when its rows were appended: then all of them must.
    """

    def __init__(self, record: str, key: tuple[str, ...], erasable: bool) -> None:
        self._record = record
        self._key = key
        self._erasable = erasable
        self._schema = arrow_schema(record)
        self._fields = {field["name"]: field for field in avro_schema(record)["fields"]}
        self.timed: bool | None = None

    def typed(self, chunk: Chunk) -> tuple[Typed, list[BadRow]]:
        """The good rows, and the bad ones with their reasons.

        Raises HeadraceError when the file lacks a column that every row needs, or holds it in a type that none has.
        """
        check = _Check(chunk)
        erased = check.flags(ERASE)
        if erased.any() and not self._erasable:
            check.refuse(erased, "the topic is not compacted: a null value would erase nothing")
        append_ms = self._append_ms(check)
        unnamed = np.zeros(len(check), dtype=np.bool_)
        columns = []
        for name, target in zip(self._fields, self._schema, strict=True):
            column = self._column(check, name, target)
            if name == MADE:
                unnamed = pc.is_null(column).to_numpy(zero_copy_only=False)
            elif not target.nullable:
                needed = name in self._key or (name == "at_ms" and append_ms is None)
                check.require(name, column, ~erased | needed)
            columns.append(column)
        good = ~check.bad
        rows = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        typed = Typed(
            rows if good.all() else rows.filter(pa.array(good)),
            chunk.lines[good],
            unnamed[good],
            None if append_ms is None else append_ms[good],
            erased[good],
        )
        return typed, chunk.bad + check.rows()

    def _column(self, check: "_Check", name: str, target: pa.Field) -> pa.Array:
        field = self._fields[name]
        if name not in check.chunk.columns.schema.names:
            spared = target.nullable or "default" in field or name == MADE
            if not spared and check.chunk.whole and ERASE not in check.chunk.columns.schema.names:
                raise HeadraceError(f"{check.chunk.file} has no column {name!r}, which {self._record} needs")
            column = pa.nulls(len(check), target.type)
        else:
            column = check.converted(name, field["type"], target.type)
        if field.get("default") == []:
            return pc.fill_null(column, pa.scalar([], target.type))
        return column

    def _append_ms(self, check: "_Check") -> Int64s | None:
        """When each row was appended; None for a file that doesn't say."""
        there = APPEND in check.chunk.columns.schema.names
        column = check.converted(APPEND, "long", pa.int64()) if there else pa.nulls(len(check), pa.int64())
        if self.timed is None and len(check):
            self.timed = there and (check.chunk.whole or column[0].is_valid)
        if not self.timed:
            check.refuse(
                pc.is_valid(column).to_numpy(zero_copy_only=False), "append_ms: the first row has none"
            )
            return None
        check.require(APPEND, column, np.ones(len(check), dtype=np.bool_))
        times: Int64s = pc.fill_null(column, 0).to_numpy()
        return times


class _Check:
    """The rows of a chunk with the first thing that is wrong with each."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.bad: Flags = np.zeros(len(chunk.lines), dtype=np.bool_)
        self._why: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.bad)

    def converted(self, name: str, avro: Any, kind: pa.DataType) -> pa.Array:
        """A column of the file as `kind`; rows that hold something else are bad."""
        raw = self.chunk.columns.column(name)
        try:
            column = convert(raw, avro, kind)
        except ColumnError as error:
            file = self.chunk.file
            raise HeadraceError(
                f"{file}: column {name!r} holds {raw.type}, but {error} must be in it"
            ) from error
        strange = pc.and_(pc.is_null(column), _holds(raw)).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(strange & ~self.bad).tolist():
            self._why[row] = f"{name}: {str(raw[row].as_py())[:80]!r} is not {noun(avro)}"
        self.bad |= strange
        if name in NOT_NEGATIVE:
            negative = pc.fill_null(pc.less(column, 0), False).to_numpy(zero_copy_only=False)
            self.refuse(negative, f"{name}: a negative number")
        return column

    def flags(self, name: str) -> Flags:
        """A column of true and false; missing is false."""
        if name not in self.chunk.columns.schema.names:
            return np.zeros(len(self), dtype=np.bool_)
        column = self.converted(name, "boolean", pa.bool_())
        flags: Flags = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
        return flags

    def require(self, name: str, column: pa.Array, rows: Flags) -> None:
        """These rows must have a value in the column."""
        self.refuse(pc.is_null(column).to_numpy(zero_copy_only=False) & rows, f"{name} is missing")

    def refuse(self, rows: Flags, why: str) -> None:
        """These rows are bad."""
        self._why |= dict.fromkeys(np.flatnonzero(rows & ~self.bad).tolist(), why)
        self.bad |= rows

    def rows(self) -> list[BadRow]:
        """The bad rows in the order of the file."""
        lines = self.chunk.lines
        return [BadRow(self.chunk.file, int(lines[row]), self._why[row]) for row in sorted(self._why)]


def _holds(raw: pa.Array) -> pa.Array:
    """Whether a cell holds anything: no null, no NaN, no empty text."""
    if pa.types.is_floating(raw.type):
        return pc.invert(pc.is_null(raw, nan_is_null=True))
    if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
        return pc.fill_null(pc.not_equal(raw, ""), False)
    return pc.is_valid(raw)
