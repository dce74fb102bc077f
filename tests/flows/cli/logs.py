"""Commands on a log of a test, and what is in it afterwards."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from schemas.codec import Codec
from schemas.kafka_cluster import KafkaCluster
from schemas.settings import load
from schemas.topics import TOPICS
from sources.log import Log
from sources.open_log import open_log
from tests.sources.places import everything

PARTITIONS = 4


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands as `headrace WORDS...` does, on one log."""

    def __init__(
        self, url: str, prefix: str, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._capsys = capsys
        self._patch = patch
        self.env = {
            "HEADRACE_LOG": url,
            "HEADRACE_TOPIC_PREFIX": prefix,
            "HEADRACE_PARTITIONS": str(PARTITIONS),
        }

    def __call__(self, *words: str | Path) -> Outcome:
        self._capsys.readouterr()
        with self._patch.context() as patch:
            for name, value in self.env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["headrace", *map(str, words)])
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        said = self._capsys.readouterr()
        return Outcome(code, said.out, said.err)

    def log(self) -> Log:
        return open_log(load(env=self.env))

    def topic_settings(self, topic: str) -> dict[str, str]:
        """The settings of a Kafka topic."""
        cluster = KafkaCluster(self.env["HEADRACE_LOG"].removeprefix("kafka://"), {})
        return cluster.topic_settings(self.env["HEADRACE_TOPIC_PREFIX"] + topic)

    def rows(self, topic: str) -> list[list[dict[str, Any]]]:
        """The records of each partition, with `append_ms` and `key`; a null value is None at "value"."""
        log = self.log()
        codec = Codec(TOPICS[topic].record)
        found = []
        for partition in range(log.partitions(topic)):
            read = everything(log, topic, partition)
            decoded = codec.decode([value for value in read.values if value is not None])
            assert not decoded.bad
            rows = iter(decoded.rows.to_pylist())
            found.append(
                [
                    {"append_ms": at, "key": key} | ({"value": None} if value is None else next(rows))
                    for value, at, key in zip(read.values, read.append_ms, read.keys, strict=True)
                ]
            )
        return found

    def records(self, topic: str) -> list[dict[str, Any]]:
        """The records of all partitions without append time and key."""
        return [
            {k: v for k, v in row.items() if k not in ("append_ms", "key")}
            for part in self.rows(topic)
            for row in part
        ]
