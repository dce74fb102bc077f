"""The flow `windows` from a log to Redis equals a naive recomputation: both logs, both engines, stopped and resumed."""

import signal
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import redis as redis_client

from flows.observe import Observer
from flows.run import run
from flows.simulate import simulate_into
from schemas.errors import HeadraceError
from schemas.registry import Registry
from sources.kafka import KafkaLog
from tests.flows.harness import TRAFFIC, Place, Vectors, until
from tests.flows.oracle import differences, in_redis, judged, truth_file, vectors
from tests.operators.naive_windows import inside
from tests.services.broker import Broker

Traffic = tuple[Path, Vectors]

ONE_MORE = """
name = "ours"
base = "built-in"
version = 2

[[feature]]
name = "hides_each"
windows = { post = ["24h"] }
formula = "hides / impressions"
default = 0
doc = "hides per impression"
"""


def found(url: str) -> Vectors:
    with redis_client.Redis.from_url(url) as client:
        return in_redis(client)


def top(wanted: Vectors, names: list[str]) -> list[tuple[int, float]]:
    """The hundred posts with most engagements in their last hour."""
    place = names.index("post_velocity_1h")
    scores = [
        (int(key.split(":")[2]), values[place]) for key, (_, values) in wanted.items() if ":post:" in key
    ]
    return sorted((one for one in scores if one[1] > 0), key=lambda one: (-one[1], one[0]))[:100]


def by_region(folder: Path, place: Place) -> dict[str, dict[int, float]]:
    """The hundred posts of each region with most engagements there in the last hour."""
    truth = judged(folder, place.settings)
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for event in inside(truth.events, "1h", max(truth.clock, *(event["at_ms"] for event in truth.events))):
        if event["region"] is not None and event["type"] in ("click", "like", "comment", "share", "save"):
            counts[event["region"]][event["post_id"]] += 1
    ranked = {
        region: sorted(posts.items(), key=lambda one: (-one[1], one[0])) for region, posts in counts.items()
    }
    return {region: {post: float(count) for post, count in posts[:100]} for region, posts in ranked.items()}


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_file_log(engine: str, traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """Every vector, the trending posts, and every dead letter by reason."""
    folder, wanted = traffic
    place = Place(
        f"file:{folder}", redis_url, tmp_path, {"HEADRACE_ENGINE": engine, "HEADRACE_FRAME_ROWS": "700"}
    )
    observer = Observer("windows")
    run("windows", place.settings, until_end=True, observer=observer)
    assert not differences(found(redis_url), wanted)
    reasons = {reason: count for reason, count in truth_file(folder)["set_aside"].items() if count}
    assert dict(observer.refused) == reasons
    with redis_client.Redis.from_url(redis_url) as client:
        trending = [
            (int(post), score) for post, score in client.zrange("trending:all", 0, -1, withscores=True)
        ]
        regional = {
            key.decode().split(":", 1)[1]: {
                int(post): score for post, score in client.zrange(key, 0, -1, withscores=True)
            }
            for key in client.scan_iter("trending:*")
        }
    names = [feature.name for feature in Registry.load().entity("post")]
    assert sorted(trending, key=lambda one: (-one[1], one[0])) == top(wanted, names)
    assert regional.pop("all") == dict(trending)
    assert {region: posts for region, posts in regional.items() if posts} == by_region(folder, place)


def test_kafka(kafka: Broker, topic_prefix: str, traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """The same traffic through Kafka gives the same vectors, and dead letters in their topic."""
    _, wanted = traffic
    place = Place(f"kafka://{kafka.bootstrap}", redis_url, tmp_path, {"HEADRACE_TOPIC_PREFIX": topic_prefix})
    truth = simulate_into(place.settings, TRAFFIC)
    place.run()
    assert not differences(found(redis_url), wanted)
    log = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix)
    letters = sum(count for reason, count in truth.set_aside.items() if reason != "repeat")
    assert sum(log.ends("dead_letters")) == letters
    log.close()


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_saves_and_the_next_run_goes_on(
    engine: str, number: int, traffic: Traffic, redis_url: str, tmp_path: Path
) -> None:
    """Told to stop while it runs, it ends with 0; the next run reads only what is left."""
    folder, wanted = traffic
    place = Place(
        f"file:{folder}", redis_url, tmp_path, {"HEADRACE_ENGINE": engine, "HEADRACE_FLUSH_MS": "10"}
    )
    process = place.start()
    with redis_client.Redis.from_url(redis_url) as client:
        until(lambda: client.dbsize() > 10 or process.poll() is not None)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    observer = Observer("windows")
    run("windows", place.settings, until_end=True, observer=observer)
    written = truth_file(folder)["messages"]
    assert observer.records < written["interactions"] + written["users"]
    assert not differences(found(redis_url), wanted)


def test_other_settings_are_refused(traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """State that was computed with another lateness can't be gone on from."""
    folder, _ = traffic
    Place(f"file:{folder}", redis_url, tmp_path).run()
    changed = Place(f"file:{folder}", redis_url, tmp_path, {"HEADRACE_ALLOWED_LATENESS_MS": "5"})
    with pytest.raises(HeadraceError, match="allowed_lateness_ms was 3600000 and is now 5"):
        run("windows", changed.settings, until_end=True)


def test_a_second_process_is_refused(traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """Two processes never write the same state."""
    folder, _ = traffic
    place = Place(f"file:{folder}", redis_url, tmp_path)
    first = place.start()
    until(
        lambda: (
            (tmp_path / "windows" / "lock").exists() and (tmp_path / "windows" / "fingerprint.json").exists()
        )
    )
    second = place.start("--until-end")
    _, said = second.communicate(timeout=60)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert second.returncode == 1
    assert "another process" in said
    assert "Traceback" not in said


def test_a_feature_more_needs_no_new_state(traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """A registry with one entry more goes on from the same state, and every vector gets the new feature."""
    folder, _ = traffic
    Place(f"file:{folder}", redis_url, tmp_path).run()
    more = tmp_path / "features.toml"
    more.write_text(ONE_MORE)
    place = Place(f"file:{folder}", redis_url, tmp_path, {"HEADRACE_FEATURE_REGISTRY": str(more)})
    place.run()
    wanted = vectors(judged(folder, place.settings), Registry.of(place.settings), place.settings)
    assert not differences(found(redis_url), wanted)


def test_settings_may_change_before_anything_is_saved(
    traffic: Traffic, redis_url: str, tmp_path: Path
) -> None:
    """A first start that was refused binds nobody to its settings."""
    folder, wanted = traffic
    wrong = Place(f"file:{folder}", redis_url, tmp_path, {"HEADRACE_PARTITIONS": "8"})
    with pytest.raises(HeadraceError, match="has 4 partitions and the setting partitions is 8"):
        run("windows", wrong.settings, until_end=True)
    Place(f"file:{folder}", redis_url, tmp_path).run()
    assert not differences(found(redis_url), wanted)
