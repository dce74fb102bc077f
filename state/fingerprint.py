"""Which settings may change between two runs over the same state."""

from collections.abc import Collection, Mapping

from schemas.errors import HeadraceError

ABSENT = "not set"


def check(saved: Mapping[str, str], now: Mapping[str, str], may_change: Collection[str]) -> list[str]:
    """One sentence for each setting that changed and may; `HeadraceError` naming each that may not.

    >>> check({"cap": "100"}, {"cap": "200"}, {"cap"})
    ['cap changed from 100 to 200']
    >>> check({"lateness": "60"}, {"lateness": "90"}, set())
    Traceback (most recent call last):
    schemas.errors.HeadraceError: the saved state was computed with other settings (lateness was 60 and is \
now 90): set them back, or start again with an empty state directory (--state)
    """
    changed, refused = [], []
    for name in sorted(saved.keys() | now.keys()):
        before, after = saved.get(name, ABSENT), now.get(name, ABSENT)
        if before == after:
            continue
        if name in may_change:
            changed.append(f"{name} changed from {before} to {after}")
        else:
            refused.append(f"{name} was {before} and is now {after}")
    if refused:
        raise HeadraceError(
            f"the saved state was computed with other settings ({'; '.join(refused)}): "
            "set them back, or start again with an empty state directory (--state)"
        )
    return changed
