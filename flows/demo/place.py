"""The folder of the demo: a log, a state store, an embedded Redis, and the settings that lead to them."""

import shutil
from pathlib import Path
from typing import Final

from schemas.errors import HeadraceError, UsageError
from schemas.redis_place import embedded_directory
from schemas.settings import Settings, load
from schemas.settings_text import to_toml
from sinks import embedded_redis

SETTINGS_FILE: Final = "headrace.toml"
PARTITIONS: Final = 8


def make_place(folder: Path) -> Settings:
    """The settings of a demo in `folder`, which is emptied of an earlier one and holds them as `headrace.toml`.

    Raises UsageError for a folder with something else in it, HeadraceError when it can't be written.
    """
    root = folder.absolute()
    settings = load(
        overrides={
            "log": f"file:{root / 'log'}",
            "state": str(root / "state"),
            "redis": f"embedded:{root / 'redis'}",
            "partitions": PARTITIONS,
        }
    )
    try:
        if root.exists():
            _clear(root, settings)
        root.mkdir(parents=True, exist_ok=True)
        (root / SETTINGS_FILE).write_text(to_toml(settings), encoding="utf-8")
    except OSError as error:
        raise HeadraceError(
            f"{folder} can't be written ({error.strerror}); name another with --folder"
        ) from None
    return settings


def _clear(root: Path, settings: Settings) -> None:
    if any(root.iterdir()) and not (root / SETTINGS_FILE).exists():
        raise UsageError(f"{root} holds something that is not a demo; name another folder with --folder")
    redis = embedded_directory(settings)
    if redis.exists():
        embedded_redis.stop(redis)
    for name in ("log", "state", "redis"):
        shutil.rmtree(root / name, ignore_errors=True)
