"""What a user is to authors and to content types."""

from typing import Any

from schemas.errors import HeadraceError
from schemas.keys import VECTOR_KEYS, key
from schemas.settings import Settings
from serving.features import named, names_of
from serving.redis_client import reading
from serving.vectors import Vector, decode

ENTITIES = {"affinity": "user_author", "affinity_type": "user_type"}
"""What is in each kind of key."""

_FIELDS = {"affinity": "author_id", "affinity_type": "content_type"}


def read_affinity(settings: Settings, kind: str, user: int) -> dict[str, Any]:
    """What Redis holds of a user in the hash `affinity` or `affinity_type`, as plain data, the latest first.

    `pairs` have `author_id` or `content_type`, `as_of_ms`, and `features` as `read_features` gives them. Raises
    `HeadraceError` if there is no hash, or it was written by a version or a feature set that is not known.
    """
    entity = ENTITIES[kind]
    with reading(settings) as client:
        name = key(VECTOR_KEYS[entity], settings.redis_prefix, user=user)
        found = client.hgetall(name)
        if not found:
            raise HeadraceError(
                f"Redis holds no {kind} of user {user} ({name}): the user did nothing lately, or no flow has read "
                "it yet"
            )
        vectors = {field.decode(): _decoded(name, value) for field, value in found.items()}
        names = names_of(client, settings, entity, next(iter(vectors.values())))
    pairs = [
        {
            _FIELDS[kind]: int(field) if kind == "affinity" else field,
            "as_of_ms": vector.as_of_ms,
            "feature_set": vector.feature_set,
            "features": named(names, vector),
        }
        for field, vector in vectors.items()
        if len(vector.values) == len(names)
    ]
    return {"kind": kind, "id": user, "pairs": sorted(pairs, key=lambda pair: -pair["as_of_ms"])}


def _decoded(name: str, value: bytes) -> Vector:
    vector = decode(value)
    if vector is None:
        raise HeadraceError(
            f"{name} has a layout that this version doesn't know: use the version that wrote it"
        )
    return vector
