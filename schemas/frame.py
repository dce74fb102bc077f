"""Tables that move through a flow: a batch as read, a frame of accepted rows, and what was set aside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Messages of one partition as a log holds them, in offset order.

    `offsets` and `append_ms` have one entry a message; `values` holds None for a null value; `key(i)` gives the
    key of message `i` and is only asked for messages that need it.
    """

    topic: str
    partition: int
    offsets: Int64s
    append_ms: Int64s
    values: Sequence[bytes | None]
    key: Callable[[int], bytes | None]

    def __len__(self) -> int:
        return len(self.values)


def column(rows: pa.RecordBatch | pa.Table, name: str) -> Int64s:
    """A column of whole numbers as numpy, without a copy where there are no nulls and only one chunk."""
    values: Int64s = rows.column(name).to_numpy(
        **({} if isinstance(rows, pa.Table) else {"zero_copy_only": False})
    )
    return values


@dataclass(frozen=True, slots=True)
class Frame:
    """Accepted rows of one record type from one partition, with the watermark after them.

    `rows` has the columns of the record, `offsets` and `append_ms` one entry a row (rows of one message share
    them); `watermark` is in milliseconds.
    """

    topic: str
    partition: int
    rows: pa.RecordBatch
    offsets: Int64s
    append_ms: Int64s
    watermark: int

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def int64(self, name: str) -> Int64s:
        """A column of whole numbers as numpy, without a copy where there are no nulls."""
        return column(self.rows, name)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Users to be forgotten, one entry each in both arrays: everything they did up to `until_ms` (included).

    That is the append time of the record with the null value. `here` says whether what they do is read by the shard
    that is told; the others hear of it for what they know of these users through others.
    """

    user_ids: Int64s
    until_ms: Int64s
    here: bool = True

    def __len__(self) -> int:
        return len(self.user_ids)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Records set aside, all of one partition: one entry each in every list."""

    topic: str
    partition: int
    offsets: Sequence[int]
    reasons: Sequence[str]
    details: Sequence[str]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    at_ms: Sequence[int]

    def __len__(self) -> int:
        return len(self.offsets)
