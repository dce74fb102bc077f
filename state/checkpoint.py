"""The checkpoint of a plain loop: manifests and offsets in one file that is whole or not there."""

import json
from pathlib import Path
from typing import Any

from schemas.errors import HeadraceError
from state.files import explained, make_directory, write_whole


class Checkpoint:
    """The last snapshot of a whole flow as a JSON file in its state directory."""

    def __init__(self, directory: Path) -> None:
        """Keep the checkpoint in `directory`, creating it; raises `HeadraceError` if it cannot be written."""
        make_directory(directory)
        self.path = directory / "checkpoint.json"

    def save(self, snapshot: dict[str, Any]) -> None:
        """Replace the checkpoint durably by `snapshot`, made of plain data."""
        write_whole(self.path, json.dumps(snapshot, indent=1, sort_keys=True).encode())

    def load(self) -> dict[str, Any] | None:
        """The last snapshot saved, None if there is none; raises `HeadraceError` if the file is damaged."""
        with explained(self.path):
            if not self.path.exists():
                return None
            text = self.path.read_bytes()
        try:
            snapshot = json.loads(text)
        except ValueError:
            snapshot = None
        if not isinstance(snapshot, dict):
            raise HeadraceError(
                f"checkpoint {self.path} is damaged: put it back from a copy, or remove the whole state "
                "directory to compute everything again from the logs"
            )
        return snapshot
