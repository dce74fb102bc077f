"""What the columns of counts are called in saved state: the same whatever else is counted beside them."""

import numpy as np
import pyarrow as pa

from operators.measures import DWELL, HISTOGRAM, PLAIN, Measures
from schemas.constants import DWELL_EDGES_MS
from schemas.frame import Int64s, column

IMPRESSIONS, DWELLS, OTHER, DWELL_SUM = 0, DWELL, DWELL + 1, DWELL + 2
"""Codes of columns that hold all of their kind; a plain type has the code of the type."""

POSITIONS, BUCKETS = 16, 64
"""Codes of the first position class and the first dwell bucket."""

_CODES = 256


def named(tiles: pa.Table, measures: Measures) -> pa.Table:
    """Tiles with codes for columns."""
    return _mapped(tiles, _codes(measures))


def placed(tiles: pa.Table, measures: Measures) -> pa.Table:
    """Tiles with columns for codes; what is not counted any more, or was not told apart, is among the others."""
    codes = _codes(measures)
    places = np.full(_CODES, measures.other)
    places[codes] = np.arange(len(codes))
    if IMPRESSIONS in codes:
        places[POSITIONS:BUCKETS] = places[IMPRESSIONS]
    elif measures.plain:
        places[IMPRESSIONS] = measures.plain - 1
    if DWELLS in codes:
        places[BUCKETS:] = places[DWELLS]
    return _mapped(tiles, places)


def _codes(measures: Measures) -> Int64s:
    """The code of each column, and after them that of the sum of dwell: int64[columns + 1]."""
    codes = np.full(measures.columns + 1, OTHER)
    codes[: measures.plain] = POSITIONS + np.arange(measures.plain) if measures.plain > 1 else IMPRESSIONS
    for name in measures.plain_names:
        codes[measures.column(name)] = PLAIN[name]
    if HISTOGRAM in measures.used:
        codes[measures.buckets : measures.other] = BUCKETS + np.arange(len(DWELL_EDGES_MS) - 1)
    else:
        codes[measures.buckets : measures.other] = DWELLS
    codes[-1] = DWELL_SUM
    return codes


def _mapped(tiles: pa.Table, numbers: Int64s) -> pa.Table:
    """Tiles with the numbers that stand at their columns."""
    mapped = pa.array(numbers[column(tiles, "column")].astype(np.uint8))
    return tiles.set_column(tiles.schema.get_field_index("column"), "column", mapped)
