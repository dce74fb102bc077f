"""Is Redis there, new enough, and set up to keep what is written to it?"""

import time
from typing import Any

import redis

from flows.checks.finding import Finding
from schemas.errors import HeadraceError
from schemas.redis_place import EMBEDDED, embedded_directory
from schemas.settings import Settings
from serving.redis_client import reading
from sinks import embedded_redis

OLDEST = (6, 2)
FULL = 0.8
CLOCK_MS = 1000


def check_redis(settings: Settings) -> list[Finding]:
    """Reachable, version, role, memory, list sizes, and how far its clock is from ours."""
    directory = embedded_directory(settings)
    if settings.redis.startswith(EMBEDDED) and embedded_redis.process_id(directory) is None:
        return [_startable()]
    try:
        with reading(settings) as client:
            info = client.info()
            return [
                _version(settings, info),
                _role(info),
                _eviction(info),
                _memory(info),
                _list_sizes(client, settings),
                _clock(client),
            ]
    except HeadraceError as error:
        return [Finding.of("redis", error)]


def _startable() -> Finding:
    try:
        server = embedded_redis.find_server()
    except HeadraceError as error:
        return Finding.of("redis", error)
    return Finding("redis", "ok", f"the embedded Redis is not running; a flow starts {server}")


def _version(settings: Settings, info: dict[str, Any]) -> Finding:
    version = str(info["redis_version"])
    text = f"Redis {version} answers at {settings.redis}"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        return Finding("redis", "fail", text, "use Redis 6.2 or later")
    if info.get("cluster_enabled"):
        return Finding(
            "redis", "fail", f"{text} as a cluster", "use a single server: a cluster is not supported yet"
        )
    return Finding("redis", "ok", text)


def _role(info: dict[str, Any]) -> Finding:
    if info["role"] != "master":
        return Finding("redis", "fail", "it is a replica, which takes no writes", "name its master in redis")
    if info.get("loading"):
        return Finding("redis", "warn", "it is still loading its content", "wait until it is done")
    return Finding("redis", "ok", "it takes writes")


def _eviction(info: dict[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return Finding("redis", "ok", "maxmemory-policy is noeviction")
    text = f"maxmemory-policy is {policy}: it may drop keys that readers count on"
    return Finding("redis", "fail" if info.get("maxmemory") else "warn", text, "set it to noeviction")


def _memory(info: dict[str, Any]) -> Finding:
    used, most = int(info["used_memory"]), int(info.get("maxmemory") or 0)
    if not most:
        return Finding("redis", "ok", f"{used / 2**20:,.0f} MB used, without a limit")
    text = f"{used / 2**20:,.0f} of {most / 2**20:,.0f} MB used"
    if used > FULL * most:
        return Finding("redis", "warn", text, "raise maxmemory before it is full: writes fail then")
    return Finding("redis", "ok", text)


def _list_sizes(client: Any, settings: Settings) -> Finding:
    """An inbox holds up to 10 % and its mark more than its cap before it is cut."""
    needed = -(-settings.inbox.cap * 11 // 10) + 1
    try:
        found = client.config_get("zset-max-*-entries")
    except redis.ResponseError:
        return Finding(
            "redis",
            "warn",
            "it doesn't tell its configuration",
            f"make sure that zset-max-listpack-entries is at least {needed}",
        )
    most = max(map(int, found.values()), default=0)
    if most < needed:
        return Finding(
            "redis",
            "warn",
            f"zset-max-listpack-entries is {most} and an inbox holds up to {needed}: it takes 6 times the memory",
            f"set it to {needed} or more, or lower inbox.cap",
        )
    return Finding("redis", "ok", f"zset-max-listpack-entries is {most}, an inbox holds up to {needed}")


def _clock(client: Any) -> Finding:
    before = time.time()
    seconds, micros = client.time()
    after = time.time()
    apart_ms = (seconds + micros / 1e6 - (before + after) / 2) * 1000
    text = f"the clock here and that of Redis are {abs(apart_ms):.0f} ms apart"
    if abs(apart_ms) > CLOCK_MS + (after - before) * 1000:
        return Finding("clock", "warn", text, "set both by NTP: freshness is measured against this clock")
    return Finding("clock", "ok", text)
