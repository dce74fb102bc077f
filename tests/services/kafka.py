"""Apache Kafka as one KRaft node on free ports, for tests, crash runs and benchmarks."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from tests.services.broker import Broker
from tests.services.ports import free_port
from tests.services.process import Process, ServiceError

_HERE = Path(__file__).parent
_CLUSTER = "aGVhZHJhY2Uta2Fma2EtMQ"  # 16 bytes in base64
_JARS = _HERE.parent.parent / ".services" / "kafka"

LARGEST_MESSAGE = 12_000_000
"""Bytes of the largest message that the broker takes."""


class Kafka(Broker):
    """One broker: start, stop, kill, pause and restart it on the same port and data.

    `settings` are lines of server.properties by name. `heap_mb` bounds the memory of the JVM.
    """

    def __init__(self, settings: dict[str, str] | None = None, heap_mb: int = 512) -> None:
        java = shutil.which("java")
        if java is None or not (_JARS / "pom.xml").exists():
            raise ServiceError("Java or the jars of Kafka are missing; type: make services")
        self.port, self.controller_port = free_port(), free_port()
        super().__init__(f"127.0.0.1:{self.port}")
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-kafka-"))
        self._properties = self.folder / "server.properties"
        configured = self._defaults() | (settings or {})
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in configured.items()))
        self._java = [
            java,
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}",
            "-cp",
            f"{_JARS}/*",
        ]
        self.process = Process(
            "Kafka", [*self._java, "kafka.Kafka", str(self._properties)], self.folder / "kafka.log"
        )

    def start(self) -> None:
        """Start it, with a formatted disk at the first time, and wait until every partition has a leader."""
        if not (self.folder / "data").exists():
            self._format()
        self.process.start(self._serves, seconds=60.0)

    def stop(self) -> None:
        """Stop it in an orderly way; its data stays."""
        self.process.stop()

    def kill(self) -> None:
        """Kill it; its data stays as far as it had reached the page cache."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start it on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Kill it and remove everything it wrote."""
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _defaults(self) -> dict[str, str]:
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}"
        once = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(self.folder / "data"),
            **{f"{topic}.replication.factor": "1" for topic in once},
            **{f"{topic}.min.isr": "1" for topic in once[1:]},
            **{f"{topic}.num.partitions": "1" for topic in once},
            "auto.create.topics.enable": "false",
            "message.max.bytes": str(LARGEST_MESSAGE),
            # A reader group is served at once, and a broker that was killed is taken back soon.
            "group.initial.rebalance.delay.ms": "0",
            "broker.session.timeout.ms": "5000",
            "broker.heartbeat.interval.ms": "500",
        }

    def _format(self) -> None:
        tool = [*self._java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties)]
        done = subprocess.run(tool, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServiceError(f"Kafka's disk could not be formatted:\n{done.stdout}{done.stderr}")

    def _serves(self) -> bool:
        try:
            cluster = self.admin.list_topics(timeout=1.0)
        except KafkaException:
            return False
        leaders = (part.leader for topic in cluster.topics.values() for part in topic.partitions.values())
        return bool(cluster.brokers) and all(leader >= 0 for leader in leaders)
