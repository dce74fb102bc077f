"""When it happens: traffic by minute with a daily wave and bursts, and the story that everybody looks at."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.frame import Int64s
from sources.simulate.quantiles import Floats
from sources.simulate.streams import stream
from sources.simulate.traffic import MINUTE, SECOND, Traffic

SLICE_ROWS: Final = 60_000
"""Interactions that one slice should hold on average; memory grows with it, fixed costs shrink."""
LONGEST_SLICE: Final = 10
"""Minutes."""


SMEARED: Final = 1.2
"""How much higher the peak of the requests is than that of the interactions, which take a while."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of the whole traffic by minute, and what the hottest post takes of each minute."""

    start_ms: int
    requests: Floats
    """Share of all requests by minute; the shares sum to 1."""
    posts: Floats
    """Share of all posts by minute: the daily wave without the bursts."""
    story: int
    """The minute in which the hottest post is written and the greatest burst begins."""
    hottest: Floats
    """Probability by minute that a page has the hottest post on it."""

    def minute(self, at_ms: Int64s) -> Int64s:
        """The minute of each time, the last one for times after the end."""
        return np.clip((at_ms - self.start_ms) // MINUTE, 0, len(self.requests) - 1)

    def part(self, shares: Floats, low_ms: int, high_ms: int) -> Floats:
        """What of `shares` falls into [low_ms, high_ms), by minute of that interval."""
        first, last = (low_ms - self.start_ms) // MINUTE, (high_ms - 1 - self.start_ms) // MINUTE
        length = min(high_ms - low_ms, MINUTE) if first == last else MINUTE
        return shares[first : last + 1] * (length / MINUTE)


def make_curve(traffic: Traffic) -> Curve:
    """The daily wave with its peak at 19 h UTC, a few bursts of 2 to 6 times, and one of `traffic.burst`."""
    rng = stream(traffic.seed, "curve")
    minutes = traffic.minutes
    hour = (traffic.start_ms / MINUTE + np.arange(minutes)) / 60 % 24
    wave = (1 + 0.45 * np.cos((hour - 19) / 24 * 2 * np.pi)) * np.exp(rng.normal(0, 0.03, minutes))
    busy = wave.copy()
    for begin in np.flatnonzero(rng.random(minutes) < 1 / 240):
        age = np.arange(minutes - begin)
        busy[begin:] += rng.uniform(1, 5) * np.exp(-age / rng.uniform(3, 10))
    story = int(minutes * rng.uniform(0.5, 0.7))
    requests = _with_burst(busy, story, traffic.burst * SMEARED)
    hottest = _hottest(requests, story, traffic.hottest * traffic.mean_page)
    return Curve(traffic.start_ms, requests, wave / wave.sum(), story, hottest)


def _with_burst(busy: Floats, minute: int, peak: float) -> Floats:
    """Shares by minute with a burst whose first minute has `peak` times the mean, then decays.

    A short simulation gets a shorter burst, and at last a lower one: the peak counts in the mean too.
    """
    minutes = len(busy)
    length = float(np.clip(minutes / (2 * peak), 1, 4))
    peak = min(peak, max(1.0, minutes / 2))
    shape = (1 - 1 / length) ** np.arange(minutes - minute)
    height = (peak * busy.mean() - busy[minute]) / (1 - peak * shape.sum() / minutes)
    busy[minute:] += max(0.0, height) * shape
    shares: Floats = busy / busy.sum()
    return shares


def _hottest(requests: Floats, minute: int, share: float) -> Floats:
    """The share of each minute's requests that adds up to `share` of all, fading within hours."""
    fading = np.zeros(len(requests))
    fading[minute:] = (1 + np.arange(len(requests) - minute) / 15) ** -1.6
    low, high = 0.0, 100.0
    for _ in range(50):
        height = (low + high) / 2
        taken = float(requests @ np.minimum(height * fading, 1.0))
        low, high = (height, high) if taken < share else (low, height)
    return np.minimum(high * fading, 1.0)


def slice_bounds(traffic: Traffic, curve: Curve) -> Int64s:
    """Times that cut the simulation into slices of about `SLICE_ROWS` interactions, 1 s to 10 minutes long."""
    bounds = [traffic.start_ms]
    rows, since = 0.0, 0
    for minute, expected in enumerate(curve.requests * traffic.interactions):
        end = traffic.start_ms + (minute + 1) * MINUTE
        if expected > 2 * SLICE_ROWS:
            if since:
                bounds.append(end - MINUTE)
            pieces = min(int(expected // SLICE_ROWS), MINUTE // SECOND)
            bounds.extend(end - MINUTE + MINUTE * piece // pieces for piece in range(1, pieces + 1))
            rows, since = 0.0, 0
            continue
        rows, since = rows + expected, since + 1
        if rows >= SLICE_ROWS or since == LONGEST_SLICE:
            bounds.append(end)
            rows, since = 0.0, 0
    if bounds[-1] != traffic.end_ms:
        bounds.append(traffic.end_ms)
    return np.array(bounds, dtype=np.int64)
