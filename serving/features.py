"""Features by name, of one key or of many."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.errors import HeadraceError
from schemas.keys import affixes, key
from schemas.registry import Registry
from schemas.settings import Settings
from serving.redis_client import reading
from serving.vectors import Vector, Vectors, decode, decode_many


def read_features(settings: Settings, kind: str, id: int) -> dict[str, Any]:
    """What Redis holds of a post, an author or a user, as plain data.

    `features` maps names to numbers, in vector order, None where the value is missing. Raises `HeadraceError` if
    there is no vector, or if its feature set is neither that of the settings nor published in Redis.
    """
    with reading(settings) as client:
        name = key(f"features_{kind}", settings.redis_prefix, **{kind: id})
        value = client.get(name)
        if value is None:
            raise HeadraceError(
                f"Redis holds no features of {kind} {id} ({name}): nothing happened to it lately, or no flow has "
                "read it yet"
            )
        vector = decode(value)
        if vector is None:
            raise HeadraceError(
                f"{name} has a layout that this version doesn't know: use the version that wrote it"
            )
        names = names_of(client, settings, kind, vector)
    return {
        "kind": kind,
        "id": id,
        "as_of_ms": vector.as_of_ms,
        "feature_set": vector.feature_set,
        "features": named(names, vector),
    }


def named(names: Sequence[str], vector: Vector) -> dict[str, float | None]:
    """The values of a vector by name, None where one is missing."""
    values = [None if np.isnan(value) else float(value) for value in vector.values]
    return dict(zip(names, values, strict=True))


def read_vectors(client: Any, registry: Registry, kind: str, ids: Sequence[int], prefix: str = "") -> Vectors:
    """The vectors of many ids in one round trip; `client` is a redis-py client that returns bytes."""
    before, after = affixes(f"features_{kind}", prefix)
    values = client.mget([f"{before}{id}{after}" for id in ids]) if len(ids) else []
    return decode_many(values, registry.version, len(registry.entity(kind)))


def names_of(client: Any, settings: Settings, kind: str, vector: Vector) -> list[str]:
    """The names of a vector's features, by the registry or else as its writer published them.

    Raises `HeadraceError` if neither knows them.
    """
    registry = Registry.of(settings)
    names = [feature.name for feature in registry.entity(kind)]
    if vector.feature_set != registry.version or len(vector.values) != len(names):
        published = client.get(key("feature_set", settings.redis_prefix, version=vector.feature_set))
        features = json.loads(published)["features"] if published else []
        names = [feature["name"] for feature in features if feature.get("entity") == kind]
    if len(vector.values) != len(names):
        raise HeadraceError(
            f"the features of {kind}s in Redis are of feature set {vector.feature_set}, which is not published "
            "there: set feature_registry to the file that their flow uses"
        )
    return names
