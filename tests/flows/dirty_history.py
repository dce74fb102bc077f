"""A history with everything in it that real ones have: months out of order, silences, repeats, times ahead, odd ids."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.real_acceptance import Int64s, partitions

DAY_MS = 86_400_000
START_MS = 1_735_689_600_000
END_MS = START_MS + 400 * DAY_MS
IDLE_MS = 90 * DAY_MS
LARGEST = (1 << 63) - 1
TYPES = {
    "impression": 45,
    "click": 14,
    "like": 8,
    "comment": 4,
    "share": 4,
    "save": 3,
    "hide": 2,
    "report": 2,
}
TYPES |= {"dwell": 14, "mute": 1, "unlike": 1, "unhide": 1, "unmute": 1}
POSITIONS = [None, -3, 0, *range(1, 13), 100, (1 << 31) - 1]
DWELLS = [None, -5, 0, 999, 1_000, 6_999, 45_000, 389_999, 1_799_999, 1_800_000, 3_000_000, (1 << 31) - 1]


@dataclass(frozen=True)
class DirtyHistory:
    """About `events` interactions over 400 days, drawn with `seed`, in a log of some partitions.

    A third of the partitions have only the first months, a third only the last, so that the posts they share are read
    months out of order. Event ids are unique in a partition and the same in all of them.
    """

    events: int
    partitions: int = 4
    seed: int = 1

    def rows(self) -> pl.DataFrame:
        """The rows in the order of the file, with `append_ms` and `event_id`."""
        rng = np.random.default_rng(self.seed)
        posts, authors, users = (ids(rng, max(20, self.events // share)) for share in (60, 300, 150))
        post = (len(posts) * rng.random(self.events) ** 3).astype(np.int64)
        at_ms = snapped(rng, self._bursts(rng, post, len(posts)))
        at_ms, post = after_exact_silences(at_ms, post)
        user_id = self._users(rng, users, at_ms)
        append_ms = at_ms + ahead_or_behind(rng, at_ms)
        order = np.argsort(append_ms + disorder(rng, len(at_ms)), kind="stable")
        rows = pl.DataFrame(
            {
                "append_ms": np.maximum(append_ms, 0),
                "user_id": user_id,
                "post_id": posts[post],
                "author_id": authors[post % len(authors)],
                "type": rng.choice(list(TYPES), len(post), p=np.array(list(TYPES.values())) / 100),
                "position": drawn(rng, POSITIONS, len(post)),
                "dwell_ms": drawn(
                    rng, [*DWELLS, *np.exp(rng.normal(10, 1.3, 40)).astype(int).tolist()], len(post)
                ),
                "region": drawn(rng, [None, "eu", "us", "all"], len(post)),
                "content_type": drawn(rng, [None, "video", 'photo, "large"'], len(post)),
                "surface": drawn(rng, ["home", "search"], len(post)),
                "at_ms": at_ms,
            }
        )[order]
        return self._repeated(rng, rows)

    def _bursts(self, rng: np.random.Generator, post: Int64s, posts: int) -> Int64s:
        """Event times: each post lives in up to three bursts of minutes, hours or days, and towards the end."""
        centres = rng.integers(START_MS, END_MS - 5 * DAY_MS, (posts, 3))
        widths = rng.choice([600_000, DAY_MS // 4, 5 * DAY_MS], (posts, 3))
        burst = rng.integers(0, 3, len(post)) % (1 + post % 3)
        usual = centres[post, burst] + rng.random(len(post)) * widths[post, burst]
        last = END_MS - rng.random(len(post)) ** 6 * 7_200_000
        times: Int64s = np.where(rng.random(len(post)) < 0.1, last, usual).astype(np.int64)
        return times

    def _users(self, rng: np.random.Generator, users: Int64s, at_ms: Int64s) -> Int64s:
        """A user for each event, of a partition that has that time."""
        season = partitions(users, self.partitions) % 3
        day = (at_ms - START_MS) // DAY_MS
        wanted = np.where(rng.random(len(at_ms)) < 0.4, 2, np.where(day < 150, 0, np.where(day > 250, 1, 2)))
        found = np.empty(len(at_ms), np.int64)
        for number in range(3):
            of_season = users[season == number] if (season == number).any() else users
            rows = np.flatnonzero(wanted == number)
            found[rows] = rng.choice(of_season, len(rows))
        return found

    def _repeated(self, rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
        """Event ids by partition, and some rows once more, a little later, some of them with another time."""
        place = pl.Series("place", partitions(rows["user_id"].to_numpy(), self.partitions))
        rows = rows.with_columns(place, position_in_file=pl.int_range(pl.len()).cast(pl.Float64))
        rows = rows.with_columns((7 - pl.int_range(pl.len()).over("place")).alias("event_id")).drop("place")
        again = rows.sample(fraction=0.04, seed=self.seed)
        moved = rng.choice([0, 0, 1, 4_000, 500_000, -500_000], len(again))
        again = again.with_columns(
            pl.col("at_ms") + moved,
            pl.col("append_ms") + moved,
            pl.col("position_in_file") + rng.choice([0.5, 3.5, 200.5, 20_000.5], len(again)),
        )
        return pl.concat([rows, again]).sort("position_in_file", maintain_order=True).drop("position_in_file")


def ids(rng: np.random.Generator, count: int) -> Int64s:
    """Distinct ids: zero, negative ones, small ones, the largest."""
    edges = np.array([0, -1, 1, LARGEST, -LARGEST - 1, -LARGEST])
    return np.unique(
        np.concatenate((edges, rng.integers(-100, 100, count // 3), rng.integers(-(1 << 62), 1 << 62, count)))
    )


def snapped(rng: np.random.Generator, at_ms: Int64s) -> Int64s:
    """Some times on the edge of a pane or just beside it."""
    step = rng.choice(
        [1, 1_000, 10_000, 60_000, 3_600_000, DAY_MS], len(at_ms), p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]
    )
    times: Int64s = at_ms // step * step - (rng.random(len(at_ms)) < 0.05)
    return times


def after_exact_silences(at_ms: Int64s, post: Int64s) -> tuple[Int64s, Int64s]:
    """One event in fifty again after exactly 90 days, and one just after, if that is before the end."""
    some = np.flatnonzero(at_ms + IDLE_MS < END_MS - DAY_MS)[::50]
    more = [at_ms[some] + IDLE_MS, at_ms[some][::2] + IDLE_MS + 1]
    return np.concatenate((at_ms, *more)), np.concatenate((post, post[some], post[some][::2]))


def ahead_or_behind(rng: np.random.Generator, at_ms: Int64s) -> Int64s:
    """Append time less event time: mostly some seconds; ahead by up to a minute, just beyond, or by weeks.

    In the last minute all are ahead, so that the history ends with times that its clock has not reached.
    """
    count = len(at_ms)
    ahead = -rng.integers(0, 60_001, count)
    odd = rng.choice([-60_000, -60_001, -27 * DAY_MS, 2 * 3_600_000, 3 * DAY_MS], count)
    behind = rng.exponential(20_000, count).astype(np.int64)
    is_ahead = (rng.random(count) < 0.25) | (at_ms > END_MS - 60_000)
    difference: Int64s = np.select([is_ahead, rng.random(count) < 0.03], [ahead, odd], behind)
    return difference


def disorder(rng: np.random.Generator, count: int) -> Int64s:
    """How far a row stands from where its append time would put it: minutes to either side, or days too late."""
    minutes = rng.uniform(-1, 1, count) * rng.choice([0, 30_000, 2_400_000], count)
    days = rng.choice([3_600_000, 3 * 3_600_000, 20 * DAY_MS], count) * rng.random(count)
    places: Int64s = np.where(rng.random(count) < 0.05, days, minutes).astype(np.int64)
    return places


def drawn(rng: np.random.Generator, values: list[Any], count: int) -> list[Any]:
    """Values at random, nulls among them."""
    return [values[index] for index in rng.integers(0, len(values), count).tolist()]


def write_files(rows: pl.DataFrame, folder: Path) -> list[Path]:
    """The rows as CSV, then JSON lines, then Parquet: a third each, in order."""
    files = [folder / name for name in ("first.csv", "second.jsonl", "third.parquet")]
    third = -(-len(rows) // 3)
    parts = [rows[start : start + third] for start in range(0, len(rows), third)]
    parts[0].write_csv(files[0])
    parts[1].write_ndjson(files[1])
    parts[2].write_parquet(files[2])
    return files
