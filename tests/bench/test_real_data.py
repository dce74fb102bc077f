"""The recomputation beside which real logs are judged, on cases that one can work out by hand."""

import gzip
import math
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench import real_bandit, real_higgs
from bench.real_acceptance import Rules, judge, partitions
from bench.real_formula import evaluate
from bench.real_sessions import sessions
from schemas.partitioner import TEST_VECTORS

RULES = Rules(partitions=1, max_ahead_ms=10, allowed_lateness_ms=100, dedupe_horizon_ms=50)


def test_partitions_are_those_of_the_contract() -> None:
    ids = np.array([id for id, _ in TEST_VECTORS])
    assert partitions(ids, 64).tolist() == [(hashed & 0x7FFFFFFF) % 64 for _, hashed in TEST_VECTORS]


def test_rows_are_judged_in_the_order_of_the_file() -> None:
    """Ahead by 10, late by 100, an id known for 50.

    W       |   -     1000    1000    1000   1010  1010   1010   1010    1100     1100
    at      | 1000    1011    1010    1015    910   909   1000   1100    1000     1100
    event   |   1       2       3       4      5     6      1      7       1        4
            |        future                        late  repeat        id forgotten
    """
    at = [1000, 1011, 1010, 1015, 910, 909, 1000, 1100, 1000, 1100]
    append = [1000, 1000, 1000, 1010, 1010, 1010, 1010, 1100, 1010, 1100]
    event = [1, 2, 3, 4, 5, 6, 1, 7, 1, 4]
    rows = pl.DataFrame({"user_id": 1, "event_id": event, "at_ms": at, "append_ms": append})
    judged = judge(rows, RULES)
    assert dict(judged.refused) == {"future": 1, "late": 1, "repeat": 1}
    assert judged.accepted["event_id"].to_list() == [1, 3, 4, 5, 7, 1, 4]
    assert judged.clock == 1100


def test_sessions() -> None:
    """Two minutes belong together if they are 30 apart, not 31; what takes something back is no event.

    minute  |  0      31    61       61         100      | user 2: 5
    type    | click  like  share  impression   unlike    |        hide
    """
    minutes = [0, 31, 61, 61, 100, 5]
    types = ["click", "like", "share", "impression", "unlike", "hide"]
    at_ms = [minute * 60_000 + row for row, minute in enumerate(minutes)]
    users = [1, 1, 1, 1, 1, 2]
    rows = pl.DataFrame({"user_id": users, "post_id": [8, 8, 9, 8, 8, 8], "type": types, "at_ms": at_ms})
    found = sessions(rows, np.array([1, 2, 3]))
    assert found.end_ms[:2].tolist() == [91 * 60_000 + 3, 35 * 60_000 + 5]
    assert {name: count.tolist() for name, count in found.counters.items()} == {
        "events": [3, 1, 0],
        "impressions": [1, 0, 0],
        "engagements": [2, 0, 0],
        "posts": [2, 1, 0],
        "length_ms": [30 * 60_000 + 2, 0, 0],
    }
    assert found.of("events", np.array([91 * 60_000 + 2, 35 * 60_000 + 5, 0])).tolist() == [3, 0, 0]


def test_formulas() -> None:
    counts = {
        "clicks": np.array([0.0, 3.0]),
        "likes_5m": np.array([1.0, 0.0]),
        "bucket_2": np.array([0.0, 4.0]),
    }

    def counter(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return counts.get(name, np.zeros(2))

    constants = {"a": 1.0, "p0": 0.5} | {f"edge_{index}": 10.0 * index for index in range(10)}
    assert evaluate("-clicks + 2 * (likes_5m - 1) / 4", constants, counter).tolist() == [0.0, -3.5]
    assert evaluate("smooth(clicks, clicks, p0)", constants, counter).tolist() == [0.5, 0.875]
    nothing, third = evaluate("likes_5m / clicks", constants, counter).tolist()
    assert math.isnan(nothing)
    assert third == 0.0
    nothing, median = evaluate("quantile(0.5)", constants, counter).tolist()
    assert math.isnan(nothing)
    assert median == 25.0
    with pytest.raises(ValueError, match="no formula may have"):
        evaluate("clicks ** 2", constants, counter)


def test_a_tweet_becomes_an_interaction(tmp_path: Path) -> None:
    """Two on the same target within an hour are about one post, an hour later it is another."""
    file = tmp_path / "higgs.txt.gz"
    with gzip.open(file, "wt") as text:
        text.write("7 5 1341100800 RT\n8 5 1341104399 MT\n7 5 1341104400 RE\n")
    rows = real_higgs.interactions(file)
    assert rows["type"].to_list() == ["share", "comment", "comment"]
    assert rows["user_id"].to_list() == [7, 8, 7]
    assert rows["author_id"].to_list() == [5, 5, 5]
    assert rows["post_id"].to_list() == [5 * 1024, 5 * 1024, 5 * 1024 + 1]
    assert rows["at_ms"].to_list() == [1341100800000, 1341104399000, 1341104400000]


def test_a_clicked_item_is_an_impression_and_a_click(tmp_path: Path) -> None:
    """In order of time over all files; visitors with the same features are one user."""
    place = tmp_path / "obp.whl"
    head = "timestamp,item_id,position,click,user_feature_0,user_feature_1,user_feature_2,user_feature_3\n"
    with zipfile.ZipFile(place, "w") as wheel:
        for number, campaign in enumerate(("all", "men", "women")):
            for policy in ("random", "bts"):
                folder = f"obp/dataset/obd/{policy}/{campaign}"
                wheel.writestr(
                    f"{folder}/{campaign}.csv",
                    f"{head}2019-11-24 00:00:0{5 - number}.762830+00:00,1,3,{number},a,b,c,d\n",
                )
                wheel.writestr(f"{folder}/item_context.csv", "item_id,item_feature_1\n1,shirt\n")
    rows = real_bandit.interactions(place)
    assert (
        rows["type"].to_list() == ["impression"] * 2 + ["impression"] * 2 + ["click"] * 2 + ["impression"] * 2
    )
    assert rows["post_id"].to_list() == [2001] * 2 + [1001] * 4 + [1] * 2
    assert rows["at_ms"].to_list()[0] == 1574553603762
    assert rows["user_id"].n_unique() == rows["author_id"].n_unique() == 1
    assert set(rows["position"]) == {3}
