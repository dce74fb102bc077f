"""Files that are whole or not there, and system errors as sentences."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import HeadraceError

ADVICE = {
    errno.ENOSPC: "the disk is full: make room, then start again",
    errno.EDQUOT: "the disk quota is used up: make room, then start again",
    errno.EACCES: "permission denied: make it writable for this user or choose another place with --state",
    errno.EPERM: "permission denied: make it writable for this user or choose another place with --state",
    errno.EROFS: "the file system is read-only: choose another place with --state",
    errno.ENOTDIR: "a part of the path is a file: choose another place with --state",
    errno.EEXIST: "a part of the path is a file: choose another place with --state",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `HeadraceError` that names `path` and says what to do."""
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, f"{error.strerror or error}: see to it, then start again")
        raise HeadraceError(f"cannot use {path}: {advice}") from error


def make_directory(path: Path) -> None:
    """Create `path` with its parents; raises `HeadraceError` if no files can be written there."""
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()


def sync_directory(path: Path) -> None:
    """Make names that were created, renamed or removed in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write `path` durably: after a crash it holds all of `data` or what was there before.

    Raises `HeadraceError` where the file system refuses; nothing half written stays behind then.
    """
    write_synced(path, data)
    with explained(path):
        sync_directory(path.parent)


def write_synced(path: Path, data: bytes | memoryview) -> None:
    """The same, but that its name is durable only once its directory has been synced."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with explained(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
