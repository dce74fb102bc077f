"""Durations and sizes for people."""

UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def duration(ms: int) -> str:
    """A duration in its two largest units.

    >>> duration(93_784_000), duration(65_000), duration(12_345), duration(250), duration(-1_500)
    ('1 d 2 h', '1 min 5 s', '12 s', '0.2 s', '-1 s')
    """
    if ms < 0:
        return f"-{duration(-ms)}"
    if ms < 1_000:
        return f"{ms / 1_000:.1f} s"
    parts = []
    for length, unit in UNITS:
        count, ms = divmod(ms, length)
        if count:
            parts.append(f"{count} {unit}")
        if parts and len(parts) + (not count) >= 2:
            break
    return " ".join(parts)


def ago(ms: int) -> str:
    """How long something is past.

    >>> ago(65_000)
    '1 min 5 s ago'
    """
    return f"{duration(max(ms, 0))} ago"


def size(count: float) -> str:
    """Bytes in the largest unit that leaves at least one.

    >>> size(512), size(1_536), size(5 << 30)
    ('512 bytes', '1.5 KiB', '5.0 GiB')
    """
    if count < 1024:
        return f"{count:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"
