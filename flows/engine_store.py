"""Where bytewax keeps what its snapshots consist of: made if it is not there, and looked at before it is used."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bytewax.recovery import init_db_dir

from schemas.errors import HeadraceError

TABLES: Final = {"parts", "exs", "fronts", "commits", "snaps"}


def engine_store(state: Path) -> Path:
    """The folder of the store below `state`; raises `HeadraceError` if it can't be made, or is damaged."""
    path = state / "engine"
    with _alone(state):
        if not path.exists():
            _make(path)
    files = sorted(path.glob("part-*.sqlite3"))
    if not files:
        raise _damaged(path, "it holds no database")
    for file in files:
        _check(file)
    return path


def is_panic(error: BaseException) -> bool:
    """Whether a panic of the engine, which is no `Exception`."""
    return type(error).__name__ == "PanicException"


def gist(error: BaseException) -> str:
    """What a panic of the engine is about: the words of its database, else its first line.

    >>> gist(RuntimeError('called `unwrap()` on `SqliteFailure(Error { code: 1 }, Some("disk I/O error"))`'))
    'disk I/O error'
    """
    text = str(error)
    found = re.search(r'Some\("(.+?)"\)', text)
    return found[1] if found else next(iter(text.splitlines()), type(error).__name__)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep off stderr what native code says there while it panics; the panic itself is raised."""
    ours = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One process of a cluster at a time."""
    with (state / "engine.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(path: Path) -> None:
    """A half-made store is never left under its name."""
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        for left_over in unfinished.iterdir():
            left_over.unlink()
        with quiet():
            init_db_dir(unfinished, 1)
        unfinished.rename(path)
    except BaseException as error:
        if not isinstance(error, OSError) and not is_panic(error):
            raise
        raise HeadraceError(
            f"{path} can't be made ({gist(error)}): make room and let this user write there, or choose another place "
            "with --state"
        ) from error


def _check(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as database:
            [found] = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
    except sqlite3.Error as error:
        raise _damaged(file, str(error)) from error
    if found != "ok" or not tables >= TABLES:
        raise _damaged(file, found if found != "ok" else "its tables are missing")


def _damaged(path: Path, why: str) -> HeadraceError:
    return HeadraceError(
        f"the engine's store {path} is damaged ({why}): put it back from a copy, or remove the whole state directory "
        "to compute everything again from the logs"
    )
