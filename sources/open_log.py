"""The log that the settings name."""

from pathlib import Path

from schemas.settings import Settings
from sources.file_log import FileLog
from sources.kafka import KafkaLog
from sources.kafka_watch import FAILURES
from sources.log import Log


def open_log(settings: Settings, flow: str = "") -> Log:
    """The log at `settings.log`; `flow` is appended to the consumer group that lag tools see."""
    if settings.log.startswith("kafka://"):
        group = f"{settings.group}-{flow}" if flow else settings.group
        servers = settings.log.removeprefix("kafka://")
        patience_s = settings.kafka_retry_ms / 1000
        return KafkaLog(
            servers,
            settings.kafka_config(),
            group,
            settings.topic_prefix,
            patience_s,
            patience_s / FAILURES,
            settings.kafka_ahead_bytes,
        )
    return FileLog(Path(settings.log.removeprefix("file:")), settings.topic_prefix)
