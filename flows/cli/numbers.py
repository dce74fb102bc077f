"""Feature values as people read them."""


def shown(name: str, value: float | None) -> str:
    """A value by the name of its feature: rates in per cent, times in seconds, the rest in at most 4 digits.

    >>> [shown("ctr", 0.0514), shown("dwell_p50_ms", 21_300.0), shown("clicks", 12_345.0), shown("trend", 1.5)]
    ['5.14 %', '21.3 s', '12,345', '1.5']
    >>> shown("trend", None)
    '-'
    """
    if value is None:
        return "-"
    if name.endswith(("ctr", "_rate")):
        return f"{100 * value:.2f} %"
    if name.endswith("_ms"):
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
