"""Formulas of the registry over columns, read by Python's own parser: they are a part of its expressions."""

import ast
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BUCKETS = 9
"""Buckets of the dwell histogram."""


def evaluate(formula: str, constants: Mapping[str, float], counter: Callable[[str], Floats]) -> Floats:
    """The value of a formula for n keys, float64[n].

    `counter(name)` gives a counter by its name in formulas, window suffix and all, and `bucket_0` to `bucket_8`
    of the dwell histogram.

    >>> evaluate("smooth(clicks, 2 * 5, p0)", {"a": 20, "p0": 0.5}, lambda name: np.array([0.0, 5.0])).tolist()
    [0.3333333333333333, 0.5]
    """

    def of(node: Any) -> Any:
        match node:
            case ast.Constant(value=int() | float() as number):
                return np.float64(number)
            case ast.Name(id=name):
                return np.float64(constants[name]) if name in constants else counter(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -of(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return of(left) + of(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return of(left) - of(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return of(left) * of(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return divided(of(left), of(right))
            case ast.Call(func=ast.Name(id="smooth"), args=[n, d, p0]):
                return divided(of(n) + constants["a"] * of(p0), of(d) + constants["a"])
            case ast.Call(func=ast.Name(id="quantile"), args=[ast.Constant(value=int() | float() as q)]):
                return quantile(q, constants, counter)
        raise ValueError(f"{formula!r} has {ast.dump(node)}, which no formula may have")

    found: Floats = of(ast.parse(formula, mode="eval").body)
    return found


def divided(left: Floats, right: Floats) -> Floats:
    """Left / right; nothing where the right side is zero."""
    nowhere = np.equal(right, 0)
    return np.where(nowhere, np.nan, left / np.where(nowhere, 1, right))


def quantile(q: float, constants: Mapping[str, float], counter: Callable[[str], Floats]) -> Floats:
    """The q-quantile of the dwell histogram, in proportion within the bucket that reaches it."""
    edges = [constants[f"edge_{index}"] for index in range(BUCKETS + 1)]
    counts = [counter(f"bucket_{index}") for index in range(BUCKETS)]
    rank = q * np.sum(counts, axis=0)
    found = np.full(len(counts[0]), np.nan)
    before = np.zeros(len(counts[0]))
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        here = np.isnan(found) & (count > 0) & (before + count >= rank)
        found[here] = low + (high - low) * (rank[here] - before[here]) / count[here]
        before = before + count
    return found
