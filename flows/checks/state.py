"""Can the state be written, and who is using it?"""

import shutil
from pathlib import Path

from flows.checks.finding import Finding
from schemas.errors import HeadraceError
from schemas.settings import Settings
from state.files import make_directory
from state.lock import StateLock

LITTLE = 1 << 30


def check_state(settings: Settings) -> list[Finding]:
    """The state store is writable and has room; each flow's folder in it is free or in use."""
    root = Path(settings.state)
    try:
        make_directory(root)
    except HeadraceError as error:
        return [Finding.of("state", error)]
    free = shutil.disk_usage(root).free
    text = f"{root} is writable and has {free / 2**30:,.1f} GB free"
    found = [
        Finding("state", "ok", text)
        if free > LITTLE
        else Finding("state", "warn", text, "make room: a flow stops when it can't save its state")
    ]
    return found + [_use(folder) for folder in sorted(root.iterdir()) if (folder / "lock").exists()]


def _use(folder: Path) -> Finding:
    try:
        StateLock(folder).close()
    except HeadraceError as error:
        return Finding("state", "ok", str(error).partition(";")[0])
    return Finding("state", "ok", f"{folder} holds the state of a flow that is not running")
