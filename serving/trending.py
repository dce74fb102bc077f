"""The trending posts of a region."""

from typing import Any

from schemas.errors import HeadraceError
from schemas.keys import affixes, key
from schemas.registry import Registry
from schemas.settings import Settings
from serving.features import read_vectors
from serving.redis_client import reading

EVERYWHERE = "all"


def read_trending(settings: Settings, region: str = EVERYWHERE, count: int | None = None) -> dict[str, Any]:
    """The `count` (None: all) posts with the highest velocity, each with the features that Redis holds of it.

    Equal velocities are in the order of the ids, lower first. Raises `HeadraceError` if there is no list, and
    says which there are.
    """
    registry = Registry.of(settings)
    with reading(settings) as client:
        members = client.zrange(key("trending", settings.redis_prefix, region=region), 0, -1, withscores=True)
        if not members:
            raise HeadraceError(_no_list(client, settings.redis_prefix, region))
        best = sorted((-score, int(post)) for post, score in members)[:count]
        vectors = read_vectors(client, registry, "post", [post for _, post in best], settings.redis_prefix)
    names = [feature.name for feature in registry.entity("post")]
    return {
        "region": region,
        "posts": [
            {
                "post_id": post,
                "velocity": -score,
                "as_of_ms": int(as_of_ms) if found else None,
                "features": dict(zip(names, map(_or_none, row.tolist()), strict=True)) if found else None,
            }
            for (score, post), found, as_of_ms, row in zip(
                best, vectors.found, vectors.as_of_ms, vectors.values, strict=True
            )
        ],
    }


def _or_none(value: float) -> float | None:
    return None if value != value else value


def _no_list(client: Any, prefix: str, region: str) -> str:
    before, _ = affixes("trending", prefix)
    names = sorted(
        name.decode().removeprefix(before) for name in client.scan_iter(f"{before}*", count=10_000)
    )
    there = f"there is one for {', '.join(names)}" if names else "no flow has written one yet"
    return f"Redis holds no trending posts for {region}: {there}"
