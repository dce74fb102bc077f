"""Formulas of features: parsed to a tree of counters and numbers, never evaluated as code.

    formula = term {("+" | "-") term}
    term    = factor {("*" | "/") factor}
    factor  = "-" factor | number | name | "(" formula ")"
            | "smooth" "(" formula "," formula "," formula ")" | "quantile" "(" number ")"

A name is a counter (`clicks`, over the feature's own window), a counter over another window (`clicks_5m`), or
a constant. `smooth(n, d, p0)` is (n + a p0) / (d + a); `quantile(q)` is a quantile of dwell. Division by zero
gives NaN, which means missing.
"""

import re
from collections.abc import Collection
from typing import Final

from schemas.errors import UsageError
from schemas.expression import (
    COUNTERS,
    Constant,
    Counter,
    Expression,
    Negate,
    Number,
    Op,
    Quantile,
    Sign,
    Smooth,
    parts,
)
from schemas.nearest import nearest
from schemas.windows import WINDOWS

__all__ = [
    "COUNTERS",
    "Constant",
    "Counter",
    "Expression",
    "Negate",
    "Number",
    "Op",
    "Quantile",
    "Smooth",
    "parse",
    "parts",
]

MAX_LENGTH: Final = 1_000
MAX_TOKENS: Final = 200


def parse(text: str, constants: Collection[str] = ()) -> Expression:
    """The tree of a formula; `constants` are the names that it may use besides the counters.

    Raises `UsageError` that says where the formula is wrong.

    >>> parse("clicks_5m / 2")
    Op(op='/', left=Counter(name='clicks', window='5m'), right=Number(value=2.0))
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"formula {text[:40]!r}... has more than {MAX_LENGTH} characters; split it")
    return _Parser(text, constants).whole()


_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TOKEN = re.compile(rf"\s*(?:{_NUMBER.pattern}|[A-Za-z_]\w*|\S)", re.ASCII)
_SUM: Final[dict[str, Sign]] = {"+": "+", "-": "-"}
_PRODUCT: Final[dict[str, Sign]] = {"*": "*", "/": "/"}


class _Parser:
    """Recursive descent; `at` is the index of the next token."""

    def __init__(self, text: str, constants: Collection[str]) -> None:
        self.text = text
        self.constants = constants
        self.tokens = [(match.group().lstrip(), match.end()) for match in _TOKEN.finditer(text)]
        self.at = 0
        if len(self.tokens) > MAX_TOKENS:
            raise self.error(f"more than {MAX_TOKENS} names, numbers and signs; split it")

    @property
    def token(self) -> str:
        """The next token; empty at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def whole(self) -> Expression:
        tree = self.formula()
        if self.token:
            raise self.error(f"expected an operator, not {self.token!r}")
        return tree

    def formula(self) -> Expression:
        tree = self.term()
        while sign := _SUM.get(self.token):
            self.at += 1
            tree = Op(sign, tree, self.term())
        return tree

    def term(self) -> Expression:
        tree = self.factor()
        while sign := _PRODUCT.get(self.token):
            self.at += 1
            tree = Op(sign, tree, self.factor())
        return tree

    def factor(self) -> Expression:
        token = self.token
        if token == "-":
            self.at += 1
            return Negate(self.factor())
        if token == "(":
            self.at += 1
            tree = self.formula()
            self.expect(")")
            return tree
        if _NUMBER.fullmatch(token):
            return self.number()
        if not token.isidentifier():
            raise self.error(
                f"expected a number, a name or '(', not {token!r}" if token else "it ends too early"
            )
        if token in ("smooth", "quantile"):
            return self.call()
        self.at += 1
        return self.name(token)

    def number(self) -> Number:
        value = Number(float(self.token))
        if value.value == float("inf"):
            raise self.error(f"the number {self.token} is too large")
        self.at += 1
        return value

    def call(self) -> Expression:
        function = self.token
        self.at += 1
        self.expect("(")
        if function == "quantile":
            if not _NUMBER.fullmatch(self.token) or not 0 <= float(self.token) <= 1:
                raise self.error("quantile takes a number from 0 to 1")
            q = self.number().value
            self.expect(")")
            return Quantile(q)
        n = self.formula()
        self.expect(",")
        d = self.formula()
        self.expect(",")
        p0 = self.formula()
        self.expect(")")
        return Smooth(n, d, p0)

    def name(self, name: str) -> Expression:
        if name in COUNTERS:
            return Counter(name, None)
        if name in self.constants:
            return Constant(name)
        counter, _, window = name.rpartition("_")
        if counter in COUNTERS and window in WINDOWS:
            return Counter(counter, window)
        self.at -= 1
        if counter in COUNTERS:
            raise self.error(f"{window!r} is no window; there are {', '.join(WINDOWS)}")
        windowed = [f"{known}_{window}" for known in COUNTERS] if window in WINDOWS else []
        meant = nearest(name, [*windowed, *COUNTERS, *self.constants])
        raise self.error(f"{name!r} is no counter or constant{meant}")

    def expect(self, sign: str) -> None:
        if self.token != sign:
            raise self.error(f"expected {sign!r}, not {self.token!r}" if self.token else f"expected {sign!r}")
        self.at += 1

    def error(self, what: str) -> UsageError:
        last = self.at < len(self.tokens)
        position = self.tokens[self.at][1] - len(self.token) + 1 if last else len(self.text) + 1
        return UsageError(f"formula {self.text!r} is wrong at character {position}: {what}")
