"""A server process: its output goes to a file, and it dies with whoever started it."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


class ServiceError(Exception):
    """A service did not start, stopped by itself, or is not installed; the message ends with its log."""


class Process:
    """One server process that can be started again after it was stopped or killed."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        # The kernel kills the server when its parent ends, however it ends.
        guard = shutil.which("setpriv")
        self.command = [guard, "--pdeathsig", "KILL", *command] if guard else list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id, for those who measure CPU or memory; raises ServiceError when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise ServiceError(f"{self.name} is not running{self.tail()}")
        return self._process.pid

    def start(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Start it and wait until `ready()` is true; raises ServiceError when it ends or takes longer."""
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches the tests, which then stop it.
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                raise ServiceError(f"{self.name} ended with code {self._process.returncode}{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceError(f"{self.name} was not ready after {seconds:.0f} s{self.tail()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self, seconds: float = 20.0) -> None:
        """End it in an orderly way (SIGTERM); kill it when it takes longer than `seconds`."""
        self._end(signal.SIGTERM, seconds)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float = 20.0) -> None:
        """Wait until it has ended by itself; kill it when it takes longer than `seconds`."""
        if self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self, lines: int = 30) -> str:
        """The end of its output, to put after an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "; its log ends with:\n" + "\n".join(text.splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals, seconds: float = 20.0) -> None:
        self._signal(number)
        self._signal(signal.SIGCONT)
        self.wait(seconds)
        self._process = None
