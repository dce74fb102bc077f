"""The log that the settings name, for writing."""

from pathlib import Path

from schemas.settings import Settings
from sinks.file_log import FileLogWriter
from sinks.kafka import KafkaWriter
from sinks.log import LogWriter


def open_writer(settings: Settings, history: bool | None = None) -> LogWriter:
    """A writer into the log at `settings.log`.

    With `history` (None: as `settings.time` says), Kafka topics are made to keep the append times they are given.
    """
    if settings.log.startswith("kafka://"):
        servers = settings.log.removeprefix("kafka://")
        kept = settings.time == "history" if history is None else history
        patience_s = settings.kafka_retry_ms / 1000
        return KafkaWriter(servers, settings.kafka_config(), settings.topic_prefix, kept, patience_s)
    return FileLogWriter(Path(settings.log.removeprefix("file:")), settings.topic_prefix)
