"""The posts that trend at the end of a history, overall and by region, counted over its accepted rows."""

import numpy as np
import polars as pl

from bench.real_acceptance import Judged
from bench.real_vectors import ENGAGEMENTS, History

EVERYWHERE = "all"
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
TOP = 100

Scores = dict[int, float]


def trending(judged: Judged) -> dict[str, Scores]:
    """By region, and for all of them, the posts with most engagements in the last hour; lists without any left out.

    The hour ends with the clock, or with the last event of a post that is ahead of it.
    """
    events = judged.accepted
    engaged = pl.col("type").cast(pl.String).is_in([name.removesuffix("s") for name in ENGAGEMENTS])
    lists = {EVERYWHERE: fastest(events.with_columns(engaged=engaged), judged.clock)}
    if "region" in events.columns:
        regions = events.filter(engaged & pl.col("region").is_not_null() & (pl.col("region") != EVERYWHERE))
        for (region,), rows in regions.with_columns(engaged=True).group_by("region"):
            lists[str(region)] = fastest(rows, judged.clock)
    return {region: scores for region, scores in lists.items() if scores}


def fastest(events: pl.DataFrame, clock: int) -> Scores:
    """The hundred posts with most engagements an hour, ties to the lower id."""
    counts = {"engagements": events["engaged"].to_numpy().astype(np.int64)}
    history = History(events["post_id"].to_numpy(), events["at_ms"].to_numpy(), counts)
    as_of = np.maximum(history.at_ms[history.end - 1], clock)
    scores = history.total("engagements", history.row((as_of - HOUR_MS) // MINUTE_MS * MINUTE_MS))
    best = np.lexsort((history.keys, -scores))[:TOP]
    return {int(history.keys[row]): float(scores[row]) for row in best if scores[row] > 0}
