"""A history through the commands of headrace, as anybody would: imported, run to its end, read back from Redis."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

HEADRACE = [sys.executable, "-c", "import flows.cli; flows.cli.main()"]


@dataclass(frozen=True)
class Spent:
    """What a command said, and what it took: seconds by the clock, CPU-seconds of all its threads."""

    said: str
    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu:.1f} CPU-s"


@dataclass(frozen=True)
class Headrace:
    """The commands with one log, one Redis, one folder for state, and further settings as variables."""

    log: str
    redis: str
    folder: Path
    settings: dict[str, str]

    def __call__(self, *words: str | Path) -> Spent:
        """Run a command; raises SystemExit with what it said unless it ends well."""
        variables = {
            "HEADRACE_LOG": self.log,
            "HEADRACE_REDIS": self.redis,
            "HEADRACE_STATE": str(self.folder / "state"),
            "HEADRACE_TIME": "history",
            **self.settings,
        }
        out = self.folder / "said"
        began = time.monotonic()
        with out.open("wb") as said:
            process = subprocess.Popen(
                [*HEADRACE, *map(str, words)], env={**os.environ, **variables}, stdout=said, stderr=said
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        spent = Spent(out.read_text(), time.monotonic() - began, used.ru_utime + used.ru_stime)
        if process.returncode:
            raise SystemExit(
                f"headrace {' '.join(map(str, words))} ended with {process.returncode}:\n{spent.said}"
            )
        return spent

    def registry(self) -> Any:
        """The features as the command prints them."""
        return json.loads(self("features", "--registry", "--json").said)

    def refused(self) -> Counter[str]:
        """Dead letters by reason."""
        file = self.folder / "dead_letters.parquet"
        self("export", "dead_letters", "--to", file)
        return Counter(pl.read_parquet(file, columns=["reason"])["reason"].cast(pl.String).to_list())
