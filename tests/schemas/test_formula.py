"""Formulas: precedence as in arithmetic, names resolved, anything else refused with its place."""

import ast
import contextlib
import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from schemas.formula import (
    COUNTERS,
    MAX_LENGTH,
    MAX_TOKENS,
    Constant,
    Counter,
    Expression,
    Negate,
    Number,
    Op,
    Quantile,
    Smooth,
    parse,
    parts,
)


def value(tree: Expression) -> float:
    match tree:
        case Number(number):
            return number
        case Negate(operand):
            return -value(operand)
        case Op("+", left, right):
            return value(left) + value(right)
        case Op("-", left, right):
            return value(left) - value(right)
        case Op("*", left, right):
            return value(left) * value(right)
        case Op("/", left, right):
            return value(left) / value(right)
    raise AssertionError(tree)


def numbers(depth: int = 3) -> st.SearchStrategy[str]:
    leaf = st.integers(1, 99).map(str) | st.sampled_from(["0.5", "2e2", ".25"])
    if depth == 0:
        return leaf
    inner = numbers(depth - 1)
    return (
        leaf
        | st.builds("{} {} {}".format, inner, st.sampled_from("+-*/"), inner)
        | inner.map("({})".format)
        | inner.map("-{}".format)
    )


def by_python(node: ast.expr) -> float:
    """Arithmetic by Python's own grammar; NaN for a division by zero."""
    match node:
        case ast.Constant(number) if isinstance(number, int | float):
            return float(number)
        case ast.UnaryOp(ast.USub(), operand):
            return -by_python(operand)
        case ast.BinOp(left, operator, right):
            one, two = by_python(left), by_python(right)
            match operator:
                case ast.Add():
                    return one + two
                case ast.Sub():
                    return one - two
                case ast.Mult():
                    return one * two
                case ast.Div():
                    return one / two
    raise AssertionError(node)


@given(numbers())
def test_arithmetic_groups_as_in_python(text: str) -> None:
    tree = parse(text)
    try:
        expected = by_python(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            value(tree)
    else:
        assert math.isclose(value(tree), expected)


def test_names_become_counters_of_their_window_or_constants() -> None:
    assert parse("clicks") == Counter("clicks", None)
    assert parse("clicks_5m") == Counter("clicks", "5m")
    assert parse("dwell_sum_ms_24h") == Counter("dwell_sum_ms", "24h")
    assert parse("p0_ctr", {"p0_ctr"}) == Constant("p0_ctr")
    assert parse("smooth(likes, examined / 1000, 0.5)") == Smooth(
        Counter("likes", None), Op("/", Counter("examined", None), Number(1000)), Number(0.5)
    )
    assert parse("quantile(0.9)") == Quantile(0.9)


@pytest.mark.parametrize("counter", COUNTERS)
def test_every_counter_has_a_name_for_every_window(counter: str) -> None:
    assert parse(f"{counter} + {counter}_lifetime") == Op(
        "+", Counter(counter, None), Counter(counter, "lifetime")
    )


def test_parts_are_all_there() -> None:
    tree = parse("smooth(-clicks, shares * 2, a) - quantile(0.5)", {"a"})
    leaves = [part for part in parts(tree) if isinstance(part, Counter | Constant | Quantile)]
    assert leaves == [Counter("clicks", None), Counter("shares", None), Constant("a"), Quantile(0.5)]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", 1, "ends too early"),
        ("clicks +", 9, "ends too early"),
        ("clicks impressions", 8, "expected an operator, not 'impressions'"),
        ("2 clicks", 3, "expected an operator"),
        ("(clicks", 8, "expected ')'"),
        ("clicks)", 7, "expected an operator, not ')'"),
        ("cliks / 2", 1, "'cliks' is no counter or constant; did you mean clicks?"),
        ("1 + cliks_5m", 5, "did you mean clicks_5m?"),
        ("clicks_9m", 1, "'9m' is no window; there are 5m, 30m"),
        ("p0_crt", 1, "did you mean p0_ctr?"),
        ("quantile(1.5)", 10, "a number from 0 to 1"),
        ("quantile(clicks)", 10, "a number from 0 to 1"),
        ("smooth(clicks, 2)", 17, "expected ','"),
        ("clicks ** 2", 9, "expected a number, a name or '(', not '*'"),
        ("1e999", 1, "too large"),
        ("__import__('os')", 1, "no counter"),
        ("clicks.real", 7, "expected an operator, not '.'"),
        ("clicks if shares else 1", 8, "expected an operator"),
        ("²", 1, "expected a number"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str, place: int, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text, {"p0_ctr"})
    assert f"at character {place}: " in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "text", ["1" * (MAX_LENGTH + 1), "-" * MAX_TOKENS + "1", "(" * 400 + "1" + ")" * 400]
)
def test_a_formula_has_a_bounded_size(text: str) -> None:
    with pytest.raises(UsageError, match="more than"):
        parse(text)


@given(st.text(alphabet=[*string.printable, "²", "\u00a0", "٣"], max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse(text) == parse(f"({text})")
