"""The Redis of a deployment, to be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.errors import HeadraceError, UsageError
from schemas.redis_place import EMBEDDED, embedded_directory, embedded_socket
from schemas.settings import Settings

TIMEOUT_S = 5.0


@contextmanager
def reading(settings: Settings) -> Iterator[Any]:
    """A redis-py client that returns bytes, for the block.

    Raises `HeadraceError`, without the password, when Redis can't be reached or refuses.
    """
    with _client(settings) as client:
        try:
            yield client
        except redis.AuthenticationError:
            raise HeadraceError(
                f"Redis at {settings.redis} refuses the password: check HEADRACE_REDIS_PASSWORD, or "
                "redis_password_file"
            ) from None
        except redis.ConnectionError as error:
            start = (
                "the embedded Redis is not running: headrace demo or headrace run start it"
                if settings.redis.startswith(EMBEDDED)
                else f"Redis at {settings.redis} can't be reached ({error}): start it, or check the setting redis"
            )
            raise HeadraceError(start) from None
        except redis.TimeoutError:
            raise HeadraceError(
                f"Redis at {settings.redis} did not answer for {TIMEOUT_S:.0f} s: see what it is busy with"
            ) from None
        except redis.ResponseError as error:
            raise HeadraceError(f"Redis at {settings.redis} refused ({error}): run headrace doctor") from None


def _client(settings: Settings) -> Any:
    limits: Any = {"socket_timeout": TIMEOUT_S, "retry": Retry(NoBackoff(), 0)}
    if settings.redis.startswith(EMBEDDED):
        path = str(embedded_socket(embedded_directory(settings)))
        return redis.Redis(unix_socket_path=path, **limits)
    if settings.redis.startswith("redis+cluster:"):
        raise UsageError("Redis Cluster is not supported yet: use a redis://, rediss:// or unix:// server")
    try:
        return redis.Redis.from_url(settings.redis_url(), **limits)
    except ValueError:
        raise UsageError(
            "the URL of Redis must be redis://host:port/db, rediss://host:port/db or unix:///path"
        ) from None
