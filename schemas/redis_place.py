"""Where the embedded Redis of a deployment lives."""

import hashlib
import os
import tempfile
from pathlib import Path

from schemas.settings import Settings

EMBEDDED = "embedded:"

_LONGEST = 100
"""Bytes that a socket's path may have; systems allow 104 to 108."""


def embedded_directory(settings: Settings) -> Path:
    """The folder after `embedded:`, else `redis` beside the state store.

    >>> embedded_directory(Settings()).as_posix()
    '.headrace/redis'
    """
    named = settings.redis.removeprefix(EMBEDDED)
    return Path(named) if named else Path(settings.state).parent / "redis"


def embedded_socket(directory: Path) -> Path:
    """The socket of the Redis of `directory`: inside it, or in the temporary folder where its path is too long."""
    socket = directory.absolute() / "redis.sock"
    if len(os.fsencode(socket)) <= _LONGEST:
        return socket
    name = hashlib.sha256(os.fsencode(directory.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"headrace-{os.getuid()}" / f"{name}.sock"
