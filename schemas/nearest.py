"""What a mistyped name was perhaps meant to be."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error sentence about an unknown name; empty when nothing known is like it.

    >>> nearest("tier.mid", ["tiers.mid", "log"])
    '; did you mean tiers.mid?'
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""
