import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from schemas.effects import FeatureSet, Trending, VectorSet
from schemas.errors import HeadraceError, UsageError
from schemas.registry import Registry
from schemas.settings import Settings, load
from serving.features import read_features, read_vectors
from serving.trending import read_trending
from sinks.redis import RedisSink
from tests.services.redis import Redis

REGISTRY = Registry.load()
NAMES = [feature.name for feature in REGISTRY.entity("post")]


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return load(overrides={"redis": redis_url, "redis_prefix": "t:"})


@pytest.fixture
def sink(settings: Settings) -> Iterator[RedisSink]:
    sink = RedisSink.from_settings(settings, REGISTRY.version)
    yield sink
    sink.close()


def post_vectors(ids: list[int], count: int = len(NAMES)) -> VectorSet:
    values = np.arange(len(ids) * count, dtype=np.float32).reshape(len(ids), count)
    values[:, 1] = np.nan
    return VectorSet("post", np.array(ids), np.full(len(ids), 77), values, np.zeros(len(ids), np.bool_))


def test_a_vector_is_read_by_name(settings: Settings, sink: RedisSink) -> None:
    sink.write([post_vectors([-4, 5])])
    sink.flush()
    vector = read_features(settings, "post", 5)
    assert (vector["kind"], vector["id"], vector["as_of_ms"]) == ("post", 5, 77)
    assert list(vector["features"]) == NAMES
    assert vector["features"][NAMES[0]] == len(NAMES)
    assert vector["features"][NAMES[1]] is None


def test_a_user_without_a_vector_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(HeadraceError, match=r"no features of user 9 \(t:features:user:\{9\}\)"):
        read_features(settings, "user", 9)


def test_another_feature_set_is_read_by_what_its_writer_published(settings: Settings) -> None:
    sink = RedisSink.from_settings(settings, REGISTRY.version + 1)
    sink.write([post_vectors([5], 2)])
    sink.flush()
    with pytest.raises(HeadraceError, match=f"feature set {REGISTRY.version + 1}, which is not published"):
        read_features(settings, "post", 5)
    names = ("post_new_1h", "user_new_24h", "post_newer_5m")
    features = [{"name": name, "entity": name.partition("_")[0]} for name in names]
    sink.write([FeatureSet(REGISTRY.version + 1, json.dumps({"features": features}))])
    sink.flush()
    assert list(read_features(settings, "post", 5)["features"]) == ["post_new_1h", "post_newer_5m"]
    sink.close()


def test_an_unknown_layout_is_one_sentence(settings: Settings) -> None:
    redis.Redis.from_url(settings.redis).set("t:features:post:5", b"\x02\x00rest")
    with pytest.raises(HeadraceError, match="has a layout that this version doesn't know"):
        read_features(settings, "post", 5)


def test_many_vectors_come_in_one_trip(settings: Settings, sink: RedisSink) -> None:
    sink.write([post_vectors([1, 3])])
    sink.flush()
    client = redis.Redis.from_url(settings.redis)
    vectors = read_vectors(client, REGISTRY, "post", [3, 2, 1], "t:")
    assert vectors.found.tolist() == [True, False, True]
    assert vectors.values[:, 0].tolist()[::2] == [len(NAMES), 0.0]
    assert read_vectors(client, REGISTRY, "post", [], "t:").found.tolist() == []


def test_trending_posts_come_fastest_first_with_their_features(settings: Settings, sink: RedisSink) -> None:
    sink.write([post_vectors([30]), Trending("all", np.array([9, 30, 10]), np.array([2.0, 5.0, 2.0]))])
    sink.flush()
    found = read_trending(settings)
    assert [(post["post_id"], post["velocity"]) for post in found["posts"]] == [
        (30, 5.0),
        (9, 2.0),
        (10, 2.0),
    ]
    assert found["posts"][0]["features"][NAMES[0]] == 0.0
    assert found["posts"][1]["features"] is None
    assert [post["post_id"] for post in read_trending(settings, count=1)["posts"]] == [30]


def test_a_region_without_a_list_says_which_there_are(settings: Settings, sink: RedisSink) -> None:
    with pytest.raises(HeadraceError, match="no trending posts for br: no flow has written one yet"):
        read_trending(settings, "br")
    sink.write([Trending(region, np.array([1]), np.array([1.0])) for region in ("de", "all")])
    sink.flush()
    with pytest.raises(HeadraceError, match="there is one for all, de"):
        read_trending(settings, "br")


def test_a_redis_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HeadraceError, match="embedded Redis is not running: headrace demo or"):
        read_trending(load(overrides={"state": f"{tmp_path}/state"}))
    with pytest.raises(HeadraceError, match=r"can't be reached .* start it, or check the setting redis"):
        read_trending(load(overrides={"redis": f"unix://{tmp_path}/none.sock"}))
    with pytest.raises(UsageError, match="Redis Cluster is not supported yet"):
        read_trending(load(overrides={"redis": "redis+cluster://host:1"}))


def test_a_wrong_password_is_one_sentence() -> None:
    with Redis(password="right") as server:
        url = f"redis://:wrong@127.0.0.1:{server.port}"
        with pytest.raises(HeadraceError, match="refuses the password") as caught:
            read_trending(load(overrides={"redis": url}))
        assert "wrong" not in str(caught.value)
        with pytest.raises(HeadraceError, match="refuses the password"):
            read_trending(load(overrides={"redis": f"redis://127.0.0.1:{server.port}"}))
