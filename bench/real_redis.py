"""What Redis holds, bit for bit, beside what was recomputed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import redis

from bench.real_acceptance import Judged
from bench.real_trending import Scores, trending
from bench.real_vectors import Registry, Vectors, recomputed

BLOCK = 10_000


@dataclass(frozen=True)
class Wanted:
    """What Redis must hold: vectors by entity, and the scores of trending posts by region."""

    vectors: dict[str, Vectors]
    trending: dict[str, Scores]

    @classmethod
    def of(cls, judged: Judged, registry: Registry) -> "Wanted":
        """Everything again from the accepted rows."""
        return cls(recomputed(judged, registry), trending(judged))


@dataclass
class Difference:
    """How many vectors and trending posts were compared, and each that is not the same."""

    vectors: int = 0
    trending: int = 0
    wrong: list[str] = field(default_factory=list)


def compare(client: redis.Redis, wanted: Wanted, registry: Registry) -> Difference:
    """Every vector in Redis beside the wanted ones, values and as-of times; and the posts that trend."""
    difference = Difference()
    for entity, expected in wanted.vectors.items():
        found = stored(client, entity, expected.values.shape[1], registry["feature_set"])
        difference.vectors += len(expected.keys)
        for name, one, other in (("missing", expected, found), ("unexpected", found, expected)):
            absent = one.keys[~np.isin(one.keys, other.keys)]
            difference.wrong += [f"{entity} {key}: {name}" for key in absent.tolist()]
        ours = np.isin(expected.keys, found.keys)
        theirs = np.isin(found.keys, expected.keys)
        names = [feature["name"] for feature in registry["features"] if feature["entity"] == entity]
        difference.wrong += _unequal(entity, _part(expected, ours), _part(found, theirs), names)
    _compare_trending(client, wanted.trending, difference)
    return difference


def _compare_trending(client: redis.Redis, wanted: dict[str, Scores], difference: Difference) -> None:
    found: dict[str, Scores] = {}
    for name in client.scan_iter("trending:*", count=BLOCK):
        scored: Any = client.zrange(name, 0, -1, withscores=True)
        found[name.decode().removeprefix("trending:")] = {int(post): score for post, score in scored}
    for region in sorted(found.keys() | wanted.keys()):
        there, expected = found.get(region, {}), wanted.get(region, {})
        difference.trending += len(expected)
        difference.wrong += [
            f"trending {region} {post}: {there.get(post)} for {expected.get(post)}"
            for post in sorted(there.keys() | expected.keys())
            if there.get(post) != expected.get(post)
        ]


def stored(client: redis.Redis, entity: str, features: int, version: int) -> Vectors:
    """All vectors of an entity, in order of key; raises ValueError for one of another form."""
    form = [
        ("layout", "<u2"),
        ("version", "<u2"),
        ("count", "<u4"),
        ("as_of", "<i8"),
        ("values", "<f4", (features,)),
    ]
    prefix = f"features:{entity}:"
    names = list(client.scan_iter(f"{prefix}*", count=BLOCK))
    keys = np.array([int(name[len(prefix) :].strip(b"{}")) for name in names], np.int64)
    blocks: list[Any] = [client.mget(names[start : start + BLOCK]) for start in range(0, len(names), BLOCK)]
    values = [value for block in blocks for value in block]
    size = np.dtype(form).itemsize
    if odd := next((name for name, value in zip(names, values, strict=True) if len(value) != size), None):
        raise ValueError(f"{odd.decode()} does not have {size} bytes")
    table = np.frombuffer(b"".join(values), form)
    if len(table) and {(1, version, features)} != set(table[["layout", "version", "count"]].tolist()):
        raise ValueError(f"a vector of an {entity} has another header")
    order = np.argsort(keys)
    return Vectors(keys[order], table["as_of"][order], table["values"][order])


def _part(vectors: Vectors, rows: npt.NDArray[np.bool_]) -> Vectors:
    return Vectors(vectors.keys[rows], vectors.as_of_ms[rows], vectors.values[rows])


def _unequal(entity: str, wanted: Vectors, found: Vectors, names: list[str]) -> list[str]:
    same = (wanted.values == found.values) | (np.isnan(wanted.values) & np.isnan(found.values))
    odd = np.flatnonzero(~same.all(axis=1) | (wanted.as_of_ms != found.as_of_ms))
    told = []
    for row in odd.tolist():
        times = f"as of {found.as_of_ms[row]} for {wanted.as_of_ms[row]}"
        values = [
            f"{names[column]} {found.values[row, column]} for {wanted.values[row, column]}"
            for column in np.flatnonzero(~same[row]).tolist()
        ]
        told.append(f"{entity} {wanted.keys[row]}: {', '.join([times, *values])}")
    return told
