"""What a formula means: a tree of counters, constants and operations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

COUNTERS: Final = (
    "impressions",
    "clicks",
    "likes",
    "comments",
    "shares",
    "saves",
    "hides",
    "reports",
    "engagements",
    "dwell_count",
    "dwell_sum_ms",
    "examined",
    "events",
    "posts",
    "length_ms",
)
"""What is counted; `examined` is the sum of the position curve over the impressions, in thousandths."""

SESSION_COUNTERS: Final = ("events", "impressions", "engagements", "posts", "length_ms")
"""What is counted of a session; `posts` are distinct, the length is that from the first event to the last."""

ONLY_SESSION: Final = ("events", "posts", "length_ms")
"""What is counted of sessions only."""

Sign = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number written in the formula."""

    value: float


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the registry."""

    name: str


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter; `window` None means the feature's own."""

    name: str
    window: str | None


@dataclass(frozen=True, slots=True)
class Negate:
    """Minus the operand."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Op:
    """An operation in float64; division by zero gives NaN."""

    op: Sign
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Smooth:
    """(n + a p0) / (d + a), where a is the constant of that name."""

    n: "Expression"
    d: "Expression"
    p0: "Expression"


@dataclass(frozen=True, slots=True)
class Quantile:
    """Quantile q of dwell in milliseconds, over the feature's own window.

    With rank = q x number of dwells, it lies in the first non-empty bucket [lo, hi) whose cumulative count
    reaches the rank, at lo + (hi - lo) x (rank - count before the bucket) / count of the bucket. NaN without
    dwells.
    """

    q: float


Expression = Number | Constant | Counter | Negate | Op | Smooth | Quantile


def parts(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, from the outside in."""
    yield expression
    match expression:
        case Negate(operand):
            yield from parts(operand)
        case Op(_, left, right):
            yield from parts(left)
            yield from parts(right)
        case Smooth(n, d, p0):
            yield from parts(n)
            yield from parts(d)
            yield from parts(p0)
