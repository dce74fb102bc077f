"""What the peers compute, on a history that one can count by hand."""

from pathlib import Path

import numpy as np
import polars as pl

from bench.peers.answer import MINUTE_MS, all_hours, last_hour, last_ms
from bench.peers.bytewax_tiles import MINUTES, Tiles
from bench.peers.polars_batch import hours

BASE_MS = 29_453_760 * MINUTE_MS
Event = tuple[int, int, str]


def drawn() -> list[Event]:
    """Post, minute and type: four hours, some posts silent for more than one."""
    rng = np.random.default_rng(3)
    minutes = np.sort(rng.integers(0, 240, 400))
    posts = np.where(minutes < 120, rng.integers(0, 5, 400), rng.integers(3, 9, 400))
    kinds = rng.choice(["impression", "click", "like"], 400, p=[0.7, 0.2, 0.1])
    return list(zip(posts.tolist(), minutes.tolist(), kinds.tolist(), strict=True))


def counted(events: list[Event], post: int, end: int) -> tuple[int, int]:
    """Impressions and clicks of a post in the hour before minute `end`."""
    mine = [kind for one, minute, kind in events if one == post and end - 60 <= minute < end]
    return mine.count("impression"), mine.count("click")


def saved(events: list[Event], folder: Path) -> str:
    rows = [(post, kind, BASE_MS + minute * MINUTE_MS + 17) for post, minute, kind in events]
    path = str(folder / "events.parquet")
    pl.DataFrame(rows, schema=["post_id", "type", "at_ms"], orient="row").write_parquet(path)
    return path


def test_the_answer_counts_every_window(tmp_path: Path) -> None:
    events = drawn()
    path = saved(events, tmp_path)
    end = (last_ms(path) - BASE_MS) // MINUTE_MS + 1
    expected = {f"ctr:{post}": counted(events, post, end) for post in range(9)}
    found = last_hour(path, BASE_MS + (end - 60) * MINUTE_MS)
    assert found == {key: counts for key, counts in expected.items() if any(counts)}
    windows = {
        f"ctr:{post}:{BASE_MS + end * MINUTE_MS}": counted(events, post, end)
        for post in range(9)
        for end in range(1, 300)
    }
    assert all_hours(path) == {key: counts for key, counts in windows.items() if any(counts)}


def test_tiles_by_hand_are_right_whenever_a_minute_closes() -> None:
    events = [event for event in drawn() if event[2] != "like"]
    tiles = Tiles()
    found: dict[str, tuple[int, int]] = {}
    for post, minute, kind in events:
        written, _ = tiles.on_batch([(str(post), BASE_MS + minute * MINUTE_MS, kind == "click")])
        found |= {key: (impressions, clicks) for key, impressions, clicks in written}
        end = (tiles.closed or 0) - BASE_MS // MINUTE_MS
        assert found == {key: counted(events, int(key.removeprefix("ctr:")), end) for key in found}
    tiles.on_eof()
    assert len(found) == 9
    assert len(tiles.tiles) <= MINUTES


def test_the_batch_job_has_each_change(tmp_path: Path) -> None:
    events = drawn()
    changes = hours(saved(events, tmp_path))
    for post, minute, impressions, clicks in changes.iter_rows():
        assert (impressions, clicks) == counted(events, post, minute - BASE_MS // MINUTE_MS + 1)
    assert changes.height > len({(post, minute) for post, minute, _ in events})
