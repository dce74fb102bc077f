"""Random streams by name: what is drawn for one purpose never depends on how much another one drew."""

import zlib

import numpy as np


def stream(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """The generator of one purpose and, within it, one stretch of time.

    >>> stream(1, "posts", 7).random() == stream(1, "posts", 7).random()
    True
    """
    return np.random.Generator(
        np.random.SFC64(np.random.SeedSequence((seed, zlib.crc32(purpose.encode()), number)))
    )
