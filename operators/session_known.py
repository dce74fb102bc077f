"""Which saved sessions may still change, to be asked from another thread while the sessions go on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.key_index import KeyIndex
from schemas.frame import Int64s


@dataclass(frozen=True, slots=True)
class Known:
    """Which users have a session that may still change, as it was at some moment; never changes what it finds."""

    index: KeyIndex
    last: Int64s
    floor: npt.NDArray[np.int32]
    over_before: int
    size: int

    def needs(self, users: Int64s, minutes: Int64s) -> npt.NDArray[np.bool_]:
        """Whether what users did in a minute may still be part of a session that is not over."""
        slots = self.index.find(users)
        slots[slots >= self.size] = -1
        live = (slots >= 0) & (self.last[slots] >= self.over_before)
        needed: npt.NDArray[np.bool_] = live & (minutes >= self.floor[slots])
        return needed
