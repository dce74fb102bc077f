"""The flow as a cluster of processes on this machine."""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.flows.harness import Place
from tests.services.ports import free_port

ROWS_STAY = """
import schemas.frame
def refuse(frame):
    raise TypeError("a frame was about to leave its process")
schemas.frame.Frame.__reduce__ = refuse
"""
"""Lets a process fail that sends rows to another one."""


@dataclass
class Cluster:
    """Running processes of one cluster."""

    processes: list[subprocess.Popen[str]]

    @staticmethod
    def start(place: Place, size: int, *options: str) -> "Cluster":
        """Start a process for each of `size` free ports."""
        addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in range(size))
        command = [sys.executable, "-c", f"{ROWS_STAY}\nimport flows.cli; flows.cli.main()", "run", "windows"]
        return Cluster(
            [
                place.start_as([*command, "--addresses", addresses, "--index", str(index), *options])
                for index in range(size)
            ]
        )

    def ended(self, seconds: float = 240.0) -> list[tuple[int, str]]:
        """Wait for all processes; returns the exit code of each and what it said."""
        deadline = time.monotonic() + seconds
        found = []
        for process in self.processes:
            said = "".join(process.communicate(timeout=max(0.1, deadline - time.monotonic())))
            found.append((process.returncode, said))
        return found

    def kill(self) -> None:
        """`kill -9` for all of them."""
        for process in self.processes:
            process.kill()


def run(place: Place, size: int) -> int:
    """Run a cluster to the end of the inputs; returns how many records it read. Fails unless all ended well."""
    outcome = Cluster.start(place, size, "--until-end").ended()
    assert [code for code, _ in outcome] == [0] * size, outcome
    return sum(records(said) for _, said in outcome)


def records(said: str) -> int:
    """How many records a process says that it read."""
    [count] = re.findall(r"windows: ([\d,]+) records in", said)
    return int(count.replace(",", ""))


def stop(processes: Sequence[subprocess.Popen[str]]) -> list[int]:
    """Ask the first process to stop, and wait for all; returns their exit codes."""
    processes[0].terminate()
    return [(process.communicate(timeout=120), process.returncode)[1] for process in processes]
