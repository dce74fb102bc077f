"""Some rows of a file as they were read, and those that could not be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from schemas.frame import Int64s

CHUNK_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out; `line` is the line of a text file, or the number of a row, from 1."""

    file: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file: `lines[i]` is where row i of `columns` stands.

    `bad` are the lines in between that are no rows. `whole` says that a column which isn't here is in no row of the
    file; otherwise each row has what it has.
    """

    file: Path
    lines: Int64s
    columns: pa.RecordBatch
    bad: list[BadRow]
    whole: bool
