"""What an example of each key costs in memory, measured on a Redis that answers."""

import uuid
from typing import Any

from schemas.keys import KEYS, RedisKey
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.vector import HEADER, VALUE
from serving.redis_client import reading

_FIRST_ID = 1_577_836_800_123_456
_LIFE_S = 60


def measured(settings: Settings) -> dict[str, int]:
    """Bytes by kind of key, by `MEMORY USAGE`; `HeadraceError` if Redis doesn't answer or refuses.

    The examples stand for a moment under random names of the same length, and would expire by themselves.
    """
    registry = Registry.of(settings)
    with reading(settings) as client:
        return {name: _bytes(client, settings.redis_prefix, kind, registry) for name, kind in KEYS.items()}


def _bytes(client: Any, prefix: str, kind: RedisKey, registry: Registry) -> int:
    length = len(prefix + kind.example)
    name = "".join(uuid.uuid4().hex for _ in range(length // 32 + 1))[:length]
    with client.pipeline(transaction=True) as commands:
        _fill(commands, name, kind, registry)
        commands.expire(name, _LIFE_S)
        commands.memory_usage(name, samples=0)
        commands.unlink(name)
        return int(commands.execute()[-2])


def _fill(commands: Any, name: str, kind: RedisKey, registry: Registry) -> None:
    sample = kind.sample
    size = sample.bytes
    if sample.vector:
        size = HEADER.itemsize + VALUE.itemsize * len(registry.entity(sample.vector))
    ids = [_FIRST_ID + 7_919 * number for number in range(max(sample.members, sample.fields))]
    match kind.type:
        case "string":
            commands.set(name, b"\xff" * size)
        case "zset":
            commands.zadd(name, {str(member): member >> 10 for member in ids})
        case "set":
            commands.sadd(name, *ids)
        case "hash":
            commands.hset(name, mapping={str(field): b"\xff" * size for field in ids})
