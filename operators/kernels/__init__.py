"""The inner loops of the operators in two forms: numpy, and compiled where numba is installed.

The numpy form is what the other must equal; `tests/operators/kernels` compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from operators.bloom import Bitmaps, Int32s
from operators.kernels import bits, histogram, runs
from operators.kernels.bits import Bools
from operators.kernels.histogram import Floats
from operators.kernels.runs import Amounts, order
from operators.kernels.slots import SortedSlots
from schemas.frame import Int64s


class Slots(Protocol):
    """What `SortedSlots` says."""

    @property
    def keys(self) -> Int64s: ...
    @property
    def size(self) -> int: ...
    def slots(self, keys: Int64s) -> Int64s: ...
    def find(self, keys: Int64s) -> Int64s: ...
    def keep(self, kept: Int64s) -> None: ...


@dataclass(frozen=True, slots=True)
class Kernels:
    """One form of every inner loop.

    `sort` gives values in order, `order` their positions in order, equal values as they came; for the others see the
    functions and the class of the numpy form.
    """

    form: str
    slots: Callable[[], Slots]
    count_run: Callable[[Int64s, npt.DTypeLike], tuple[Int64s, Amounts]]
    sum_run: Callable[[Int64s, Amounts], tuple[Int64s, Amounts]]
    quantile: Callable[[Floats, float, Floats], Floats]
    sort: Callable[[Int64s], Int64s]
    order: Callable[[Int64s], Int64s]
    set_bits: Callable[[Bitmaps, Int64s, Int32s, Bools], None]


NUMPY = Kernels(
    "numpy", SortedSlots, runs.count_run, runs.sum_run, histogram.quantile, np.sort, order, bits.set_bits
)


@cache
def kernels() -> Kernels:
    """The form that this process uses. The first call compiles, or loads what an earlier process has compiled."""
    try:
        from operators.kernels import (
            compiled_bits,
            compiled_histogram,
            compiled_runs,
            compiled_slots,
            compiled_sort,
        )
    except ImportError:  # numba is not installed, or does not know this numpy
        return NUMPY
    return Kernels(
        "numba",
        compiled_slots.HashedSlots,
        compiled_runs.count_run,
        compiled_runs.sum_run,
        compiled_histogram.quantile,
        compiled_sort.sort,
        compiled_sort.order,
        compiled_bits.set_bits,
    )
