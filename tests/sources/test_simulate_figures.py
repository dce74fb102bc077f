"""The simulated traffic has the figures that were counted on real networks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from sources.simulate import Dirt, Simulation, Traffic
from sources.simulate.events import CLEAN, REPEAT, REPEATED
from sources.simulate.traffic import HOUR, MINUTE

TRAFFIC = Traffic(users=20_000, hours=24, seed=7, rate=50, partitions=4)


def tables(simulation: Simulation) -> dict[str, pl.DataFrame]:
    found: dict[str, list[pl.DataFrame]] = {}
    for batch in simulation.batches():
        rows = pl.from_arrow(pa.Table.from_batches([batch.rows]))
        assert isinstance(rows, pl.DataFrame)
        found.setdefault(batch.topic, []).append(
            rows.with_columns(append_ms=pl.Series(batch.append_ms), dirt=pl.Series(batch.dirt))
        )
    return {topic: pl.concat(parts) for topic, parts in found.items()}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(TRAFFIC)


@pytest.fixture(scope="module")
def log(simulation: Simulation) -> dict[str, pl.DataFrame]:
    return tables(simulation)


@pytest.fixture(scope="module")
def accepted(log: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return log["interactions"].filter(pl.col("dirt").is_in([CLEAN, REPEATED]))


@pytest.fixture(scope="module")
def views(accepted: pl.DataFrame) -> pl.DataFrame:
    return accepted.filter(pl.col("type") == "impression")


def delays(accepted: pl.DataFrame, views: pl.DataFrame, label: str, observed_ms: int) -> np.ndarray:
    """Seconds from view to label, of views that were followed for `observed_ms` (24 h - that = the tail lost)."""
    early = views.filter(pl.col("at_ms") < TRAFFIC.end_ms - observed_ms)
    pairs = accepted.filter(pl.col("type") == label).join(
        early.select("request_id", "post_id", view_ms="at_ms"), on=["request_id", "post_id"]
    )
    return ((pairs["at_ms"] - pairs["view_ms"]) / 1000).to_numpy()


def per_minute(rows: pl.DataFrame) -> np.ndarray:
    minute = ((rows["at_ms"] - TRAFFIC.start_ms) // MINUTE).to_numpy()
    return np.bincount(minute[(minute >= 0) & (minute < TRAFFIC.minutes)], minlength=TRAFFIC.minutes)


def test_followers_are_a_power_law_whose_maximum_grows_with_the_network(simulation: Simulation) -> None:
    followers = simulation.network.followers
    assert 10.6 <= followers.mean() <= 15
    assert np.quantile(followers, 0.99) == pytest.approx(145, rel=0.1)
    assert 418 <= np.quantile(followers, 0.999) <= 644
    assert followers.max() == pytest.approx(0.2 * TRAFFIC.users, rel=0.02)
    small = Simulation(replace(TRAFFIC, users=2_000)).network.followers
    assert small.max() < followers.max() / 5


def test_follows_are_those_of_the_network_and_some_of_oneself(
    simulation: Simulation, log: dict[str, pl.DataFrame]
) -> None:
    before = log["follows"].filter(pl.col("at_ms") < TRAFFIC.start_ms)
    oneself = before["follower_id"] == before["author_id"]
    assert int(oneself.sum()) == pytest.approx(TRAFFIC.users / 2, rel=0.05)
    assert before.filter(~oneself).select("follower_id", "author_id").is_unique().all()
    assert int((~oneself).sum()) == len(simulation.network.authors)


def test_who_is_followed_and_follows_posts_more(simulation: Simulation, log: dict[str, pl.DataFrame]) -> None:
    network = simulation.network
    links = pl.DataFrame({"author_id": network.ids, "links": network.followers + network.followings})
    counts = log["posts"].filter(pl.col("op") == "create")["author_id"].value_counts()
    posts = links.join(counts, on="author_id", how="left").with_columns(pl.col("count").fill_null(0))
    few, many = posts.filter(pl.col("links") <= 10), posts.filter(pl.col("links") >= 200)
    assert many["count"].mean() > 5 * few["count"].mean()  # type: ignore[operator]
    assert counts["count"].sum() == pytest.approx(2 * TRAFFIC.users, rel=0.03)  # the day before, and the day


def test_the_busiest_minute_has_twenty_times_the_mean(accepted: pl.DataFrame) -> None:
    minutes = per_minute(accepted)
    assert minutes.max() / minutes.mean() == pytest.approx(20, rel=0.1)
    evening, morning = minutes[18 * 60 : 20 * 60], minutes[6 * 60 : 8 * 60]
    assert np.median(evening) > 2 * np.median(morning)


def test_a_few_posts_take_most_of_the_views(
    simulation: Simulation, log: dict[str, pl.DataFrame], views: pl.DataFrame
) -> None:
    counts = views["post_id"].value_counts(sort=True)
    share = counts["count"].to_numpy() / views.height
    assert counts["post_id"][0] == simulation.hottest_post
    assert share[0] == pytest.approx(0.012, rel=0.15)
    assert share[: log["posts"].height // 100].sum() == pytest.approx(0.68, abs=0.07)
    hour = (views["at_ms"] - TRAFFIC.start_ms) // HOUR
    peak = views.filter(hour == hour.mode()[0])
    assert 0.05 < (peak["post_id"] == simulation.hottest_post).mean() < 0.19  # type: ignore[operator]


def test_clicks_follow_the_position(accepted: pl.DataFrame, views: pl.DataFrame) -> None:
    shown = np.bincount(views["position"].to_numpy())
    clicks = accepted.filter((pl.col("type") == "click") & pl.col("position").is_not_null())
    rate = np.bincount(clicks["position"].to_numpy(), minlength=len(shown))[1:] / shown[1:]
    expected = np.array([0.147, 0.057, 0.043, 0.032, 0.026, 0.022, 0.022, 0.022])
    seen = 0.95 * 1.01  # some labels lost their position, some clicks are reported twice
    np.testing.assert_allclose(rate[:8] / seen, expected, rtol=0.1)


@pytest.mark.parametrize(
    ("label", "observed_hours", "shares"),
    [
        ("click", 1, {10: 0.21, 30: 0.64, 60: 0.82, 120: 0.93, 300: 0.985, 600: 0.995, 1800: 1}),
        ("dwell", 1, {300: 0.93, 600: 0.97, 1800: 0.9996}),
        ("like", 16, {110: 0.5, 503: 0.75, 600: 0.76, 1800: 0.85, 3600: 0.88, 7200: 0.9}),
        ("save", 16, {600: 0.71, 1800: 0.79, 3600: 0.83}),
        ("comment", 16, {600: 0.65, 1800: 0.75, 3600: 0.78}),
    ],
)
def test_labels_come_as_late_as_they_do(
    accepted: pl.DataFrame, views: pl.DataFrame, label: str, observed_hours: int, shares: dict[int, float]
) -> None:
    seconds = delays(accepted, views, label, observed_hours * HOUR)
    # Of the likes, saves and comments some come after more than the hours that their views were followed.
    ever = {"click": 1.0, "dwell": 1.0, "like": 0.94, "save": 0.9, "comment": 0.88}[label]
    for limit, share in shares.items():
        assert (seconds <= limit).mean() == pytest.approx(share / ever, abs=0.05)


def test_dwell_lengths(accepted: pl.DataFrame) -> None:
    dwell = accepted.filter(pl.col("type") == "dwell")["dwell_ms"]
    assert dwell.is_null().mean() == pytest.approx(0.05, abs=0.01)
    quantiles = np.quantile(dwell.drop_nulls().to_numpy() / 1000, [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
    np.testing.assert_allclose(quantiles, [3, 7, 12, 21, 45, 95, 390], rtol=0.08)


def test_some_likes_come_before_their_view_or_without_one(
    accepted: pl.DataFrame, views: pl.DataFrame
) -> None:
    first = views.group_by("user_id", "post_id").agg(view_ms=pl.col("at_ms").min())
    likes = accepted.filter(pl.col("type") == "like").join(first, on=["user_id", "post_id"], how="left")
    assert likes["view_ms"].is_null().mean() == pytest.approx(0.03, abs=0.008)
    assert (likes["view_ms"] > likes["at_ms"]).mean() == pytest.approx(0.023, abs=0.008)


def test_reshares_age(accepted: pl.DataFrame, log: dict[str, pl.DataFrame]) -> None:
    posts = log["posts"].filter(pl.col("op") == "create").select("post_id", posted_ms="at_ms")
    shares = accepted.filter(pl.col("type") == "share").join(posts, on="post_id")
    age = shares["at_ms"] - shares["posted_ms"]
    # 24 % within an hour and 56 % within a day: of those within the day that is simulated, 43 %.
    assert (age <= HOUR).mean() == pytest.approx(0.24 / 0.56, abs=0.07)


def test_a_request_is_a_page_of_different_posts(views: pl.DataFrame) -> None:
    assert views.select("request_id", "post_id").is_unique().all()
    pages = views.group_by("request_id").agg(
        pl.col("user_id").n_unique().alias("users"),
        pl.col("surface").n_unique().alias("surfaces"),
        pl.col("position").min().alias("top"),
        pl.col("position").max().alias("bottom"),
        pl.col("at_ms").min(),
    )
    assert pages.select(((pl.col("users") == 1) & (pl.col("surfaces") == 1)).all()).item()
    assert pages["bottom"].max() == 12
    assert pages["top"].min() == 1
    told = pages["request_id"] // 2**21
    assert (pages["at_ms"] - told).is_between(-1_000, 30_000).all()


def test_most_records_arrive_at_once_and_some_are_held_back(accepted: pl.DataFrame) -> None:
    delay = (accepted["append_ms"] - accepted["at_ms"]).to_numpy()
    assert delay.min() >= 0
    assert 80 <= np.median(delay) <= 300  # the clocks of whole seconds add up to a second
    assert (delay > 5_000).mean() == pytest.approx(0.03 * np.exp(-5 / 20), rel=0.1)
    assert delay.max() < 7 * MINUTE


def test_repeats_come_within_minutes(log: dict[str, pl.DataFrame]) -> None:
    rows = log["interactions"]
    originals = rows.filter(pl.col("dirt") == REPEATED)
    pairs = rows.filter(pl.col("dirt") == REPEAT).join(originals, on="event_id")
    assert pairs.height == pytest.approx(0.01 * rows.height, rel=0.1)
    assert (pairs["at_ms"] == pairs["at_ms_right"]).all()
    wait = (pairs["append_ms"] - pairs["append_ms_right"]).to_numpy()
    assert wait.min() >= 0
    assert wait.mean() == pytest.approx(30_000, rel=0.1)
    assert (pairs["append_ms"] - pairs["at_ms"]).max() <= 9 * MINUTE  # type: ignore[operator]


def test_many_records_share_their_time(views: pl.DataFrame) -> None:
    assert np.mean(views["at_ms"].is_duplicated().to_numpy()) > 0.25


def test_no_view_is_older_than_its_post(views: pl.DataFrame, log: dict[str, pl.DataFrame]) -> None:
    posts = log["posts"].filter(pl.col("op") == "create").select("post_id", "author_id", posted_ms="at_ms")
    both = views.join(posts, on=["post_id", "author_id"])
    assert both.height == views.height
    assert (both["at_ms"] + 1_000 >= both["posted_ms"]).all()


def fingerprints(traffic: Traffic) -> Iterator[tuple[str, int, bytes]]:
    for batch in Simulation(traffic).batches():
        yield batch.topic, len(batch.rows), batch.rows.serialize().to_pybytes() + batch.append_ms.tobytes()


def test_a_seed_names_one_history() -> None:
    traffic = Traffic(users=2_000, hours=1, rate=100, seed=3, partitions=4)
    assert list(fingerprints(traffic)) == list(fingerprints(replace(traffic)))
    assert list(fingerprints(traffic)) != list(fingerprints(replace(traffic, seed=4)))


def test_clean_traffic_has_no_dirt() -> None:
    log = tables(Simulation(Traffic(users=3_000, hours=3, rate=50, dirt=Dirt().times(0))))
    interactions = log["interactions"]
    assert (interactions["dirt"] == CLEAN).all()
    assert interactions["event_id"].is_unique().all()
    assert interactions.filter(pl.col("type") == "dwell")["dwell_ms"].null_count() == 0
    assert (log["users"]["user_id"] > 0).all()
    assert (log["follows"]["follower_id"] != log["follows"]["author_id"]).all()


@pytest.mark.parametrize("users", [10, 300])
def test_small_networks_work(users: int) -> None:
    log = tables(Simulation(Traffic(users=users, hours=2, rate=500, partitions=2)))
    assert log["users"].height == users
    assert log["interactions"].height > users
