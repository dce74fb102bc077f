"""Effects to Redis: in the background, in order, every reply checked."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from schemas.effects import Effect
from schemas.errors import HeadraceError
from schemas.redis_place import EMBEDDED, embedded_directory
from schemas.settings import Settings
from sinks import embedded_redis
from sinks.pending import Pending
from sinks.redis_connection import Connection
from sinks.redis_errors import TryAgainError
from sinks.redis_url import Address, parse
from sinks.resp import Encoder
from sinks.resp_parts import Request

UNDER_WAY = 4
"""Requests whose replies are not awaited yet: the next is encoded while Redis works on the one before."""

log = logging.getLogger(__name__)


class RedisSink:
    """Writes effects to one Redis server.

    `write` hands effects to a thread and returns; it blocks while more than `held_bytes` wait to be acknowledged.
    What waits is coalesced by key, so a slow Redis is sent less. `flush` returns when Redis has acknowledged all
    of it. Vectors that only time has changed go last, so what happened never waits for them. A lost connection is
    opened again with growing pauses, and everything unacknowledged is sent again: all commands are absolute, so twice
    is as good as once. After `retry_ms` without an acknowledgement it gives up.

    Attributes count what was done: `round_trips` (requests acknowledged), `commands`, `sent_bytes`, `retries`,
    `server_changes` (times that the server met after a break was another process: it may have lost what it had
    acknowledged). `pending` is what waits.
    """

    def __init__(
        self,
        address: Address,
        encoder: Encoder,
        retry_ms: int = 60_000,
        timeout_ms: int = 5_000,
        held_bytes: int = 64 << 20,
        on_acknowledged: Callable[[Sequence[Effect]], None] | None = None,
    ) -> None:
        """Start the thread; `on_acknowledged` is called in it with effects, coalesced, once they are in Redis."""
        self.round_trips = self.commands = self.sent_bytes = self.retries = self.server_changes = 0
        self._address = address
        self._encoder = encoder
        self._retry_s = retry_ms / 1000
        self._timeout_s = timeout_ms / 1000
        self._on_acknowledged = on_acknowledged
        self.pending = Pending(held_bytes)
        self._closing = threading.Event()
        self._heard_at = time.monotonic()
        self._connection: Connection | None = None
        self._sent = 0
        self._server: tuple[str, int | None] = ("", None)
        self._thread = threading.Thread(target=self._run, name="headrace-redis", daemon=True)
        self._thread.start()

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        feature_set: int,
        on_acknowledged: Callable[[Sequence[Effect]], None] | None = None,
    ) -> Self:
        """The sink of a deployment; starts the embedded Redis if the settings name that one."""
        if settings.redis.startswith(EMBEDDED):
            address = Address(path=str(embedded_redis.ensure(embedded_directory(settings))))
        else:
            address = parse(settings.redis_url())
        return cls(
            address,
            Encoder(settings.redis_prefix, feature_set, settings.ttl.seconds()),
            retry_ms=settings.redis_retry_ms,
            held_bytes=settings.redis_held_bytes,
            on_acknowledged=on_acknowledged,
        )

    @property
    def server(self) -> str:
        """What the server calls itself since its start (`run_id`); empty before the first connection."""
        return self._server[0]

    @property
    def connected(self) -> bool:
        """Whether there is a connection on which nothing has failed."""
        return self._connection is not None

    @property
    def silent_seconds(self) -> float:
        """How long Redis has acknowledged nothing although something waited; 0 when nothing waits."""
        if not self.pending.bytes:
            return 0.0
        return time.monotonic() - max(self._heard_at, self.pending.first_at)

    @property
    def patience_seconds(self) -> float:
        """How long Redis may be silent before this gives up, and the time that it takes to notice."""
        return self._retry_s + 2 * self._timeout_s

    def write(self, effects: Iterable[Effect]) -> None:
        """Take effects over, whose arrays are not changed any more; raises what stopped the thread, if so."""
        self.pending.add(effects)

    def flush(self) -> None:
        """Wait until Redis has acknowledged everything written; raises `HeadraceError` if it did not."""
        self.pending.wait_until_empty()

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long for a Redis that is away; may be called from a signal handler."""
        self._retry_s = min(self._retry_s, seconds)

    def close(self) -> None:
        """Stop; what was not flushed may or may not be written."""
        self._closing.set()
        self.pending.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            while (effects := self.pending.take()) is not None:
                self._exchange(self._encoder.requests(effects))
                if self._on_acknowledged is not None:
                    self._on_acknowledged(effects)
                self.pending.acknowledged()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that writes
            self.pending.stop(error)
        finally:
            self._disconnect()

    def _exchange(self, requests: Iterable[Request]) -> None:
        """Send `requests` and read their replies, the replies a little behind."""
        waiting: deque[Request] = deque()
        for request in requests:
            waiting.append(request)
            self._persist(waiting, UNDER_WAY if request.plain or request.lines else 0)
        self._persist(waiting, 0)

    def _persist(self, waiting: deque[Request], keep: int) -> None:
        """Send what of `waiting` is not sent, await replies until `keep` are left; again until it works."""
        attempt, began = 0, time.monotonic()
        while True:
            left = len(waiting)
            try:
                self._advance(waiting, keep)
                return
            except (OSError, TryAgainError) as error:
                self._disconnect()
                if len(waiting) < left or attempt == 0:
                    attempt, began = 0, time.monotonic()
                    log.warning("waiting for Redis at %s: %s", self._address, error)
                if time.monotonic() - began > self._retry_s:
                    raise HeadraceError(
                        f"Redis at {self._address} did not answer for {self._retry_s:g} s ({error}): "
                        "start it, or check the setting redis"
                    ) from error
                self.retries += 1
                pause = min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.0)
                attempt += 1
                if self._closing.wait(pause):
                    raise HeadraceError(f"stopped while waiting for Redis at {self._address}") from error

    def _advance(self, waiting: deque[Request], keep: int) -> None:
        if self._connection is None:
            self._connection = self._connect()
        while self._sent < len(waiting):
            self._connection.send(waiting[self._sent])
            self._sent += 1
        while len(waiting) > keep:
            self._connection.receive(waiting[0])
            done = waiting.popleft()
            self._sent -= 1
            self._heard_at = time.monotonic()
            self.round_trips += 1
            self.commands += done.replies
            self.sent_bytes += len(done.data)

    def _connect(self) -> Connection:
        connection = Connection(self._address, self._timeout_s)
        run_id, client_id = self._server
        if run_id and run_id != connection.run_id:
            self.server_changes += 1
        elif client_id is not None:
            # What still lies in the old connection must not overwrite what is sent on this one.
            connection.forget(client_id)
        self._server = (connection.run_id, connection.client_id)
        return connection

    def _disconnect(self) -> None:
        self._sent = 0
        if self._connection is not None:
            self._connection.close()
            self._connection = None
