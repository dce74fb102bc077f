"""Numbers as small pictures of text."""

from collections.abc import Sequence

_HEIGHTS = "▁▂▃▄▅▆▇█"
_WIDTHS = " ▏▎▍▌▋▊▉"


def spark(values: Sequence[float | None]) -> str:
    """One character a value, as high as its share of the largest; a missing value is a blank.

    >>> spark([0, 1, 2, None, 8])
    '▁▁▂ █'
    """
    largest = max((value for value in values if value is not None), default=0.0) or 1.0
    top = len(_HEIGHTS) - 1
    return "".join(
        " " if value is None else _HEIGHTS[min(top, int(max(value, 0.0) / largest * top))] for value in values
    )


def bar(share: float, width: int) -> str:
    """A bar over `share` (0 to 1) of `width` characters, to an eighth of a character.

    >>> bar(0.5, 5)
    '██▌'
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return ("█" * (eighths // 8) + _WIDTHS[eighths % 8]).rstrip()
