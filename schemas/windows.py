"""The windows over which features are counted, and the panes that roll them up."""

from typing import Final, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SESSION: Final = "session"
"""The window of what a user has done since they last were away for half an hour."""


class Window(NamedTuple):
    """Length and pane in milliseconds; a window without a length is as long as what it is named after.

    As of T one with a length holds the events with `floor((T - length) / pane) * pane <= at_ms <= T`.
    """

    length_ms: int | None
    pane_ms: int | None


WINDOWS: Final[dict[str, Window]] = {
    "5m": Window(5 * MINUTE, 10 * SECOND),
    "30m": Window(30 * MINUTE, 10 * SECOND),
    "1h": Window(HOUR, MINUTE),
    "24h": Window(DAY, HOUR),
    "7d": Window(7 * DAY, DAY),
    "30d": Window(30 * DAY, DAY),
    "lifetime": Window(None, None),
    SESSION: Window(None, MINUTE),
}
"""Every window by name: those with a length first, the shortest before the others."""


def duration_name(ms: int) -> str:
    """A duration as it is written in names: the largest unit that divides it.

    >>> duration_name(10_000), duration_name(3_600_000)
    ('10s', '1h')
    """
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        if ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"
