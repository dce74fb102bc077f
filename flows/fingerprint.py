"""Refuses to go on from state that was computed with other settings."""

import json
from pathlib import Path

from schemas.errors import HeadraceError
from schemas.registry import ENTITIES, Registry
from schemas.settings import Settings
from schemas.settings_table import settings_table, value_of
from state.files import write_whole
from state.fingerprint import check

FILE = "fingerprint.json"
WINDOWS = "windows of "


def fingerprint(settings: Settings) -> dict[str, str]:
    """What the state of a flow depends on, as text by name."""
    found = {
        name: str(value_of(settings, name)) for name, setting in settings_table().items() if setting.fixed
    }
    found["kind of log"], found["log"] = settings.log.split(":", 1)
    registry = Registry.of(settings)
    for entity in ENTITIES:
        found[f"{WINDOWS}{entity}"] = " ".join(registry.windows(entity))
    return found


def check_fingerprint(state: Path, settings: Settings) -> list[str]:
    """One sentence for each change that is allowed; raises `HeadraceError` for one that is not.

    A new window starts empty but for the panes that older windows still hold, and is right once it has seen its
    whole length. The log may move, its records may not.
    """
    path = state / FILE
    now = fingerprint(settings)
    allowed = {"log", *(name for name in now if name.startswith(WINDOWS))}
    changes = check(_read(path), now, allowed) if path.exists() else []
    return [
        f"{change}: a window that was not there before is right once it has run for its whole length"
        if WINDOWS in change
        else change
        for change in changes
    ]


def save_fingerprint(state: Path, settings: Settings) -> None:
    """Keep what the state is about to be computed with; raises `HeadraceError` if it can't be written."""
    text = json.dumps(fingerprint(settings), indent=1, sort_keys=True)
    write_whole(state / FILE, text.encode())


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HeadraceError(
            f"{path} can't be read: put it back from a copy, or remove the whole state directory to compute "
            "everything again from the logs"
        )
    return found
