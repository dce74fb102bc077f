"""The other processes of a cluster: waited for before the engine is, which would wait for ever and hear nothing."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import HeadraceError
from state.lock import seated

PAUSE_S = 0.1
GONE_S = 3.0

log = logging.getLogger(__name__)


@dataclass
class Peers:
    """The processes at `addresses`, this one being `index`; each holds its seat in the `state` directory."""

    state: Path
    addresses: tuple[str, ...]
    index: int
    patience_s: float
    _connected: threading.Event = field(default_factory=threading.Event)

    def wait(self, stopped: Callable[[], bool]) -> bool:
        """Wait until all are there; returns False if asked to stop before that.

        Raises `HeadraceError` when one does not come.
        """
        deadline = time.monotonic() + self.patience_s
        told = ""
        while missing := self._missing():
            if stopped():
                return False
            if missing != told:
                log.info("waiting for %s", missing)
                told = missing
            if time.monotonic() > deadline:
                raise HeadraceError(
                    f"{missing} did not come within {self.patience_s:g} s: start all processes of the cluster, with "
                    "the same state directory"
                )
            time.sleep(PAUSE_S)
        return True

    def watch(self) -> None:
        """End this process if another one goes before the engine has connected them: it would try again for ever.

        Nothing has begun then, so nothing is lost.
        """
        if self.addresses:
            threading.Thread(target=self._watch, name="headrace-peers", daemon=True).start()

    def connected(self) -> None:
        """The engine has connected all processes; from now on it tells when one goes."""
        self._connected.set()

    def _watch(self) -> None:
        since = time.monotonic()
        while not self._connected.wait(PAUSE_S):
            missing = self._missing()
            if not missing:
                since = time.monotonic()
            elif time.monotonic() - since > GONE_S and not self._connected.is_set():
                sys.stderr.write(f"headrace: {missing} went away while the cluster started: start it again\n")
                sys.stderr.flush()
                os._exit(1)

    def _missing(self) -> str:
        """The others that are not there, in words."""
        missing = [
            f"process {number} ({address})"
            for number, address in enumerate(self.addresses)
            if number != self.index and not seated(self.state, number)
        ]
        return ", ".join(missing)
