"""Parquet: columns with types of their own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.importing.chunk import CHUNK_ROWS, Chunk
from schemas.errors import HeadraceError


def column_names(file: Path) -> list[str]:
    """The columns of the file."""
    try:
        return list(pq.read_schema(file).names)
    except (OSError, pa.ArrowException) as error:
        raise HeadraceError(f"{file} can't be read as Parquet: {error}") from error


def row_count(file: Path) -> int:
    """The number of rows that the file says it has."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise HeadraceError(f"{file} can't be read as Parquet: {error}") from error


def read_parquet(file: Path) -> Iterator[Chunk]:
    """The rows of the file, numbered from 1.

    Raises HeadraceError when the file can't be read.
    """
    row = 1
    try:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(CHUNK_ROWS):
                yield Chunk(file, np.arange(row, row + len(batch)), batch, [], whole=True)
                row += len(batch)
    except (OSError, pa.ArrowException) as error:
        raise HeadraceError(f"{file} can't be read as Parquet: {error}") from error
