"""Feature formulas over columns, in float64."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from operators.kernels import kernels
from schemas.constants import DWELL_EDGES_MS
from schemas.expression import Constant, Counter, Expression, Negate, Number, Op, Quantile, Smooth

Floats = npt.NDArray[np.float64]

_EDGES = np.array(DWELL_EDGES_MS, np.float64)

SMOOTHING = "a"
"""The constant that says how many impressions a prior is worth."""


class Counters(Protocol):
    """What a formula reads, for n keys at once."""

    def counter(self, name: str, window: str | None) -> Floats:
        """A counter over a window (None: the feature's own), float64[n]."""

    def histogram(self) -> Floats:
        """The dwell histogram of the feature's own window, float64[buckets, n]."""


def evaluate(expression: Expression, counters: Counters, constants: Mapping[str, float]) -> Floats | float:
    """The value of a formula for each key, float64[n]; division by zero gives NaN."""

    def value(node: Expression) -> Floats | float:
        match node:
            case Number(number):
                return number
            case Constant(name):
                return constants[name]
            case Counter(name, window):
                return counters.counter(name, window)
            case Negate(operand):
                return -value(operand)
            case Smooth(n, d, p0):
                a = constants[SMOOTHING]
                return divide(value(n) + a * value(p0), value(d) + a)
            case Quantile(q):
                return quantile(counters.histogram(), q)
            case Op(sign, left, right):
                return apply(sign, value(left), value(right))
        raise TypeError(f"no rule for {node!r}")

    return value(expression)


def apply(sign: str, left: Floats | float, right: Floats | float) -> Floats | float:
    """One of `+ - * /` between two values."""
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return divide(left, right)


def divide(left: Floats | float, right: Floats | float) -> Floats | float:
    """Left / right, NaN where `right` is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.divide(left, right)
    return np.where(np.equal(right, 0), np.nan, ratio)


def quantile(counts: Floats, q: float) -> Floats:
    """The q-quantile of each column of dwell histograms [buckets, n], in ms; NaN where it is empty.

    The bucket is the first whose cumulative count reaches q times the total, and the value lies in it in proportion
    (linear interpolation, as Prometheus' `histogram_quantile` does).

    >>> quantile(np.array([[0], [4], [0], [0], [0], [0], [0], [0], [0]], np.float64), 0.5).tolist()
    [2000.0]
    """
    return kernels().quantile(counts, q, _EDGES)
