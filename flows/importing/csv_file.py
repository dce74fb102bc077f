"""CSV with a header line: every cell is text until its field says what it is."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from flows.importing.chunk import BadRow, Chunk
from schemas.errors import HeadraceError
from schemas.frame import Int64s

BLOCK_BYTES: Final = 8 << 20


def read_csv(file: Path) -> Iterator[Chunk]:
    """The rows of the file; a row with another number of cells than the header is bad, a blank line is nothing.

    Raises HeadraceError when there is no header line, or the file can't be read.
    """
    names = column_names(file)
    counter = _LineCounter(file, len(names))
    try:
        batches = pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=counter.refuse
            ),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary())),
        )
        for batch in batches:
            lines, bad = counter.count(batch)
            yield _chunk(file, batch, lines, bad)
    except pa.ArrowInvalid as error:
        raise HeadraceError(f"{file} can't be read as CSV: {error}") from error
    nothing = pa.RecordBatch.from_pylist([], pa.schema([(name, pa.string()) for name in names]))
    yield Chunk(file, np.empty(0, np.int64), nothing, counter.rest(), whole=True)


def column_names(file: Path) -> list[str]:
    """The cells of the header line."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            names = next(csv.reader(text), [])
    except (OSError, csv.Error) as error:
        raise HeadraceError(f"{file} can't be read: {error}") from error
    if not any(names):
        raise HeadraceError(f"{file} has no header line; its first line must name the fields")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise HeadraceError(f"{file} has the column {twice!r} twice; remove one")
    return names


@dataclass
class _LineCounter:
    """Knows the line of each row: rows that were refused are missing, and cells may span lines."""

    file: Path
    width: int
    row: int = 2  # the header is the first
    breaks: int = 0
    refused: list[tuple[int, int, str]] = field(default_factory=list)

    def refuse(self, row: pyarrow.csv.InvalidRow) -> str:
        """Called by the parser, possibly before it hands out the rows in front."""
        self.refused.append((row.number, row.actual_columns, row.text))
        return "skip"

    def count(self, batch: pa.RecordBatch) -> tuple[Int64s, list[BadRow]]:
        """The lines of the next rows, and what was refused between them."""
        end = self.row + batch.num_rows
        between = []
        while self.refused and self.refused[0][0] < end:
            between.append(self.refused.pop(0))
            end += 1
        lost = np.array([number - self.row for number, _, _ in between], dtype=np.int64)
        breaks = np.zeros(end - self.row, dtype=np.int64)
        is_row = np.ones(len(breaks), dtype=np.bool_)
        is_row[lost] = False
        breaks[is_row] = _breaks(batch)
        breaks[lost] = [text.count("\n") for _, _, text in between]
        lines = np.arange(self.row, end) + self.breaks + np.cumsum(breaks) - breaks
        bad = [
            self._bad(line, cells) for line, (_, cells, _) in zip(lines[lost].tolist(), between, strict=True)
        ]
        self.row, self.breaks = end, self.breaks + int(breaks.sum())
        return lines[is_row], bad

    def rest(self) -> list[BadRow]:
        """What was refused behind the last row."""
        return [self._bad(number + self.breaks, cells) for number, cells, _ in self.refused]

    def _bad(self, line: int, cells: int) -> BadRow:
        return BadRow(self.file, line, f"{cells} cells, the header has {self.width}")


def _breaks(batch: pa.RecordBatch) -> Int64s:
    """Line breaks within the cells of each row."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        total += pc.count_substring(column, b"\n").to_numpy(zero_copy_only=False)
    return total


def _chunk(file: Path, batch: pa.RecordBatch, lines: Int64s, bad: list[BadRow]) -> Chunk:
    garbled = np.zeros(batch.num_rows, dtype=np.bool_)
    blank = np.ones(batch.num_rows, dtype=np.bool_)
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            text = column.cast(pa.string())
        except pa.ArrowInvalid:
            cells = [_decoded(cell) for cell in column.to_pylist()]
            garbled |= np.array([cell is None for cell in cells])
            text = pa.array(cells, pa.string())
        columns[name] = text
        blank &= pc.equal(text, "").fill_null(False).to_numpy(zero_copy_only=False)
    bad = bad + [BadRow(file, line, "not UTF-8") for line in lines[garbled].tolist()]
    keep = ~(garbled | blank)
    rows = pa.RecordBatch.from_pydict(columns)
    return Chunk(file, lines[keep], rows if keep.all() else rows.filter(pa.array(keep)), bad, whole=True)


def _decoded(cell: bytes) -> str | None:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return None
