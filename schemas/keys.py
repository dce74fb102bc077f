"""The keys in Redis, from `keys.toml`: the one place that knows how they are spelled."""

import re
import tomllib
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

_PLACEHOLDER = re.compile(r"<(\w+)>")

_EXAMPLES: Final = {"region": "de", "version": "1", "day": "20577", "name": "ranker"}
_EXAMPLE_ID: Final = "1577836800123456"


class Sample(Struct, frozen=True, forbid_unknown_fields=True):
    """What an example value is filled with."""

    members: int = 0
    fields: int = 0
    bytes: int = 0
    vector: str = ""


class RedisKey(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of key: how it is spelled, what is in it, who writes it, how long it lives after a write."""

    pattern: Annotated[str, Meta(min_length=1)]
    type: Literal["string", "zset", "set", "hash"]
    writer: Literal["windows", "fanout", "serving", "learner"]
    ttl: Annotated[str, Meta(min_length=1)]
    doc: Annotated[str, Meta(min_length=1)]
    sample: Sample
    planned: bool = False

    @property
    def placeholders(self) -> list[str]:
        """The names in the pattern, in order."""
        return _PLACEHOLDER.findall(self.pattern)

    @property
    def example(self) -> str:
        """A key of this kind, without prefix."""
        return _PLACEHOLDER.sub(lambda found: _EXAMPLES.get(found[1], _EXAMPLE_ID), self.pattern)


def _read() -> dict[str, RedisKey]:
    tree: dict[str, Any] = tomllib.loads(files("schemas").joinpath("keys.toml").read_text("utf-8"))
    return msgspec.convert(tree["key"], dict[str, RedisKey])


KEYS: Final = _read()
"""Every kind of key by name."""

VECTOR_KEYS: Final = {
    "post": "features_post",
    "author": "features_author",
    "user": "features_user",
    "user_author": "affinity",
    "user_type": "affinity_type",
}
"""The kind of key that the vectors of each entity are in; those of pairs are fields of hashes by user."""


def key(kind: str, /, prefix: str = "", **values: int | str) -> str:
    """The key of that kind for the values of its placeholders.

    >>> key("features_user", user=7)
    'features:user:{7}'
    """
    pattern = KEYS[kind].pattern
    if sorted(values) != sorted(KEYS[kind].placeholders):
        raise TypeError(f"a key of the kind {kind} takes {KEYS[kind].placeholders}, not {sorted(values)}")
    return prefix + _PLACEHOLDER.sub(lambda found: str(values[found[1]]), pattern)


def affixes(kind: str, prefix: str = "", /, **values: int | str) -> tuple[str, str]:
    """What stands before and after the first placeholder of a kind: keys of many ids are put together from these.

    `values` are those of the others.

    >>> affixes("features_user", "blue:")
    ('blue:features:user:{', '}')
    >>> affixes("seen", day=20577)
    ('seen:{', '}:20577')
    """
    first, *others = KEYS[kind].placeholders
    if sorted(values) != sorted(others):
        raise TypeError(f"a key of the kind {kind} needs {others}, not {sorted(values)}")
    before, _, after = key(kind, prefix, **{first: "\0"}, **values).partition("\0")
    return before, after
