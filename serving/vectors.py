"""Feature vectors as a reader gets them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s
from schemas.vector import HEADER, LAYOUT, VALUE


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector: the version of its feature set, its as-of time, and its float32 values; NaN is missing."""

    feature_set: int
    as_of_ms: int
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of many keys, one row each: `found[i]` says whether there was one; else its row is NaN."""

    found: npt.NDArray[np.bool_]
    as_of_ms: Int64s
    values: npt.NDArray[np.float32]


def decode(value: bytes | None) -> Vector | None:
    """Read one packed vector; None where there is none or its layout is not known.

    >>> import struct
    >>> decode(struct.pack("<HHIqf", 1, 3, 1, 1577836800000, 0.5)).values.tolist()
    [0.5]
    >>> decode(struct.pack("<HHIqf", 2, 3, 1, 1577836800000, 0.5)) is None
    True
    """
    if value is None or len(value) < HEADER.itemsize:
        return None
    header = np.frombuffer(value, HEADER, 1)[0]
    if header["layout"] != LAYOUT or len(value) != HEADER.itemsize + VALUE.itemsize * int(header["count"]):
        return None
    values = np.frombuffer(value, VALUE, offset=HEADER.itemsize)
    return Vector(int(header["feature_set"]), int(header["as_of_ms"]), values)


def decode_many(values: Sequence[bytes | None], feature_set: int, count: int) -> Vectors:
    """Read packed vectors of `count` features; one of another feature set or layout counts as missing."""
    size = HEADER.itemsize + VALUE.itemsize * count
    blank = bytes(size)
    there = [value if value is not None and len(value) == size else blank for value in values]
    row = np.dtype([("header", HEADER), ("values", VALUE, (count,))])
    rows = np.frombuffer(b"".join(there), row)
    header = rows["header"]
    found = (header["layout"] == LAYOUT) & (header["feature_set"] == feature_set) & (header["count"] == count)
    decoded = np.where(found[:, None], rows["values"], np.float32(np.nan)).astype(np.float32, copy=False)
    return Vectors(found, np.where(found, header["as_of_ms"], 0).astype(np.int64), decoded)
