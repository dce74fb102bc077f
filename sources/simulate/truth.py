"""What a simulation put into a log, counted while it was written: what a reader should find."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.reasons import FUTURE, LATE, PARTITION, REPEAT, UNDECODABLE
from sources.simulate import events
from sources.simulate.simulation import Batch, Simulation
from sources.simulate.traffic import Traffic

REASON_OF = {
    events.REPEAT: REPEAT,
    events.LATE: LATE,
    events.FUTURE: FUTURE,
    events.MISPLACED: PARTITION,
}
"""The reason for which a reader sets a record with this dirt aside."""


class Truth(msgspec.Struct, kw_only=True):
    """The facts about a simulated log; `simulated.json` beside a file log holds them."""

    settings: dict[str, Any]
    start_ms: int
    end_ms: int
    messages: dict[str, int] = {}
    """By topic."""
    interactions: dict[str, int] = {}
    """Interactions that a reader accepts, by type."""
    set_aside: dict[str, int] = {}
    """Interactions that a reader doesn't accept, by reason; a damaged message counts once."""
    hottest_post: int = 0
    """The post with the most views."""
    hottest_author: int = 0
    """Who wrote it."""
    hottest_views: int = 0
    in_flight: int = 0
    """Interactions that had happened but not arrived when the simulation ended; they are not in the log."""

    @classmethod
    def of(cls, traffic: Traffic) -> "Truth":
        """Nothing counted yet."""
        return cls(
            settings=msgspec.to_builtins(traffic),
            start_ms=traffic.start_ms,
            end_ms=traffic.end_ms,
            interactions=dict.fromkeys(events.TYPES, 0),
            set_aside=dict.fromkeys([UNDECODABLE, *REASON_OF.values()], 0),
        )

    def count(self, batch: Batch, messages: int, damaged: int, lost: npt.NDArray[np.bool_]) -> None:
        """Add a batch that was written as so many messages, `damaged` of them with the records `lost`."""
        self.messages[batch.topic] = self.messages.get(batch.topic, 0) + messages
        if batch.topic != "interactions":
            return
        self.set_aside[UNDECODABLE] += damaged
        dirt = batch.dirt[~lost]
        for code, reason in REASON_OF.items():
            self.set_aside[reason] += int(np.count_nonzero(dirt == code))
        accepted = ~lost & ((batch.dirt == events.CLEAN) | (batch.dirt == events.REPEATED))
        codes = batch.rows.column("type").indices.to_numpy()[accepted]
        for word, number in zip(events.TYPES, np.bincount(codes, minlength=len(events.TYPES)), strict=True):
            self.interactions[word] += int(number)

    def finish(self, simulation: Simulation) -> None:
        """Add what is known at the end only."""
        self.hottest_post, self.hottest_views = simulation.hottest_post, simulation.hottest_views
        self.hottest_author = simulation.hottest_author
        self.in_flight = simulation.left_over
