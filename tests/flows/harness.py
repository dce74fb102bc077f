"""A simulated log, the flow run over it in a process of its own, and what Redis holds in the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.simulate import simulate_into
from schemas.registry import Registry
from schemas.settings import Settings, load
from sources.simulate import Dirt, Traffic
from tests.flows.oracle import judged, vectors

PARTITIONS = 4
TRAFFIC = Traffic(users=1_500, hours=2.5, rate=150, seed=5, partitions=PARTITIONS, dirt=Dirt().times(4))

Vectors = dict[str, tuple[int, list[float]]]


@dataclass(frozen=True)
class Place:
    """Where a run reads, writes and keeps its state, and its settings."""

    log: str
    redis: str
    state: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The settings as environment variables."""
        return {
            "HEADRACE_LOG": self.log,
            "HEADRACE_REDIS": self.redis,
            "HEADRACE_STATE": str(self.state),
            "HEADRACE_PARTITIONS": str(PARTITIONS),
            "HEADRACE_TIME": "history",
            **self.more,
        }

    @property
    def settings(self) -> Settings:
        """The settings."""
        return load(env=self.variables)

    def start(self, *options: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start `headrace run windows`, or a command that ends by starting it."""
        command = [sys.executable, "-c", "import flows.cli; flows.cli.main()", "run", "windows", *options]
        return self.start_as([*before, *command])

    def start_as(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command with the settings of this place."""
        return subprocess.Popen(
            command,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self) -> str:
        """Run to the end of the inputs; returns what it said on stderr, and fails unless it ended well."""
        process = self.start("--until-end")
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
        return said

    def kill_after(self, seconds: float, number: int = signal.SIGKILL) -> int:
        """Start it, send it a signal after some time, and wait for its end; returns its exit code."""
        process = self.start("--until-end")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        process.communicate(timeout=120)
        return process.returncode


def simulated(folder: Path, traffic: Traffic = TRAFFIC) -> Vectors:
    """Write a simulated file log into `folder`; returns the vectors that it must lead to."""
    settings = load(env=Place(f"file:{folder}", "embedded:", folder).variables)
    simulate_into(settings, traffic)
    return vectors(judged(folder, settings), Registry.of(settings), settings)


def until(condition: Any, seconds: float = 60.0) -> None:
    """Wait until a condition holds; an assertion fails when it takes longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
