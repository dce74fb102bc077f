"""Distributions given by a few quantiles, as measurements of real traffic report them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Quantiles:
    """The distribution of which `shares[i]` lies below `values[i]`, log-linear in the value between them.

    Shares rise from 0 to 1; values are positive and do not decrease. Raises ValueError for others.

    >>> wait = Quantiles((0, 0.5, 1), (1, 10, 1000))
    >>> wait.at(np.array([0.25, 0.5, 0.75])).round(1).tolist()
    [3.2, 10.0, 100.0]
    """

    def __init__(self, shares: Sequence[float], values: Sequence[float]) -> None:
        if shares[0] != 0 or shares[-1] != 1 or np.any(np.diff(shares) <= 0):
            raise ValueError("shares must rise from 0 to 1")
        if values[0] <= 0 or np.any(np.diff(values) < 0):
            raise ValueError("values must be positive and must not decrease")
        self._shares = np.array(shares, dtype=np.float64)
        self._logs = np.log(np.array(values, dtype=np.float64))

    def at(self, shares: Floats) -> Floats:
        """The values below which these shares of the distribution lie (the inverse CDF)."""
        values: Floats = np.exp(np.interp(shares, self._shares, self._logs))
        return values
