"""A Redis server on a unix socket and a free port, without persistence."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from tests.services.ports import free_port
from tests.services.process import Process, ServiceError


class Redis:
    """One `redis-server`: start, stop, kill, pause and restart it on the same socket and port.

    `settings` are lines of redis.conf by name, such as `{"maxmemory": "2mb"}`.
    """

    def __init__(self, password: str | None = None, settings: dict[str, str] | None = None) -> None:
        server = shutil.which("redis-server")
        if server is None:
            raise ServiceError("redis-server is not on the PATH; type: make services")
        self.password = password
        self.port = free_port()
        # A unix socket's path has at most 107 characters, which a test's own folder may exceed.
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-redis-"))
        self.socket = self.folder / "redis.sock"
        self._dump = self.folder / "dump.rdb"
        configured = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            **({"requirepass": password} if password else {}),
            **(settings or {}),
        }
        command = [server, *(word for name, value in configured.items() for word in (f"--{name}", value))]
        self.process = Process("Redis", command, self.folder / "redis.log")

    @property
    def url(self) -> str:
        """How clients reach it through the unix socket, password included."""
        return f"unix://{self._login}{self.socket}"

    @property
    def tcp_url(self) -> str:
        """How clients reach it over TCP, password included."""
        return f"redis://{self._login}127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        """A new client that returns bytes."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process.start(self._answers, seconds=20.0)
        self._dump.unlink(missing_ok=True)

    def stop(self, keep: bool = False) -> None:
        """Stop it; `keep=True` has it write its content to disk, for the next start."""
        if keep:
            with self.client() as client:
                client.shutdown(save=True)  # nothing that it acknowledged comes after what it saves
            self.process.wait()
        self.process.kill()

    def kill(self) -> None:
        """Kill it; its content is lost."""
        self.process.kill()

    def restart(self, keep: bool = True) -> None:
        """Stop and start it on the same socket and port, with its content unless `keep=False`."""
        self.stop(keep)
        self.start()

    def close(self) -> None:
        """Kill it and remove everything it wrote."""
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _login(self) -> str:
        return f":{self.password}@" if self.password else ""

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False
