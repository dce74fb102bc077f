"""A Kafka broker as its clients see it."""

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


class Broker:
    """A running broker, whoever runs it; topics are created by name, never by themselves."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    @property
    def url(self) -> str:
        """The broker as the place of a log."""
        return f"kafka://{self.bootstrap}"

    def create_topic(self, name: str, partitions: int, config: dict[str, str] | None = None) -> None:
        """Create a topic, with settings such as `{"message.timestamp.type": "LogAppendTime"}`."""
        topic = NewTopic(name, partitions, 1, config=config or {})
        self.admin.create_topics([topic])[name].result(30.0)
