"""Questions to a Kafka cluster, asked with patience: a broker that is starting or failing over is waited
for.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from schemas.errors import HeadraceError, UsageError

Answer = TypeVar("Answer")

PATIENCE_S: Final = 30.0
TURN_S: Final = 2.0
FIRST_PAUSE_S: Final = 0.1

TRANSIENT: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.NOT_CONTROLLER,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""Errors that pass by themselves."""

REFUSED: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
"""Errors of who we are: no use to try again."""


def client_config(servers: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What every client of the cluster is made with; librdkafka's own log is off, our errors say the same."""
    return {"client.id": "headrace", "log_level": 2, **config, "bootstrap.servers": servers}


def make_client(make: Callable[[dict[str, Any]], Answer], config: dict[str, Any]) -> Answer:
    """A client of this configuration.

    Raises UsageError when librdkafka does not accept it.
    """
    try:
        return make(config)
    except KafkaException as failure:
        raise UsageError(
            f"settings under `kafka`: {failure.args[0].str()}; correct or remove it"
        ) from failure


class KafkaCluster:
    """Metadata of the cluster at `servers` ("host:port,host:port"), with `config` for librdkafka.

    Every method raises HeadraceError when the cluster refuses us, or can't be reached for `patience_s`
    seconds.
    """

    def __init__(self, servers: str, config: Mapping[str, Any], patience_s: float = PATIENCE_S) -> None:
        self._servers = servers
        self._patience_s = patience_s
        self._heard: list[KafkaError] = []
        self._config = client_config(servers, config) | {"error_cb": self._heard.append}
        self._admin = make_client(AdminClient, self._config)

    def partitions(self, topic: str) -> int | None:
        """The number of partitions of a topic, None if there is no such topic."""
        found = self._ask(lambda seconds: self._admin.list_topics(timeout=seconds)).topics.get(topic)
        return len(found.partitions) if found is not None and found.error is None else None

    def starts(self, topic: str, partitions: list[int]) -> list[int]:
        """The first offset kept, for each of these partitions."""
        return self._offsets(topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, topic: str, partitions: list[int]) -> list[int]:
        """The end of what a `read_committed` reader sees, for each of these partitions."""
        return self._offsets(topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def create(self, topic: str, partitions: int, config: dict[str, str]) -> bool:
        """Make a topic with these settings and wait until it has leaders; False if there is one already."""
        new = NewTopic(topic, partitions, replication_factor=-1, config=config)
        try:
            self._ask(
                lambda seconds: self._admin.create_topics([new], operation_timeout=seconds)[topic].result()
            )
        except TopicExistsError:
            return False
        self._ask(lambda seconds: self._led(topic, partitions, seconds))
        return True

    def topic_settings(self, topic: str) -> dict[str, str]:
        """The settings of a topic, defaults included."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        entries = self._ask(
            lambda seconds: self._admin.describe_configs([resource], request_timeout=seconds)[
                resource
            ].result()
        )
        return {name: entry.value for name, entry in entries.items()}

    def topics(self, seconds: float) -> set[str] | None:
        """The names of all topics; None if no broker answers within so many seconds."""
        try:
            topics = set(self._admin.list_topics(timeout=seconds).topics)
        except KafkaException:
            self._reconnect()
            return None
        self._heard.clear()
        return topics

    def unreachable(self, seconds: float) -> HeadraceError:
        """The error for a cluster that did not answer for so long; the first thing heard says most."""
        why = self._heard[0].str() if self._heard else "no answer"
        return HeadraceError(
            f"Kafka at {self._servers} did not answer for {seconds:.3g} s ({why}); start it, or correct `log`"
        )

    def _offsets(self, topic: str, partitions: list[int], spec: OffsetSpec) -> list[int]:
        wanted = {TopicPartition(topic, number): spec for number in partitions}

        def ask(seconds: float) -> list[int]:
            found = self._admin.list_offsets(
                wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=seconds
            )
            return [answer.result().offset for answer in found.values()]

        return self._ask(ask)

    def _led(self, topic: str, partitions: int, seconds: float) -> None:
        found = self._admin.list_topics(timeout=seconds).topics.get(topic)
        if found is None or sum(part.leader >= 0 for part in found.partitions.values()) < partitions:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    def _reconnect(self) -> None:
        """Hear what went wrong, and begin anew: a client that was told of no brokers at all may stay without."""
        self._admin.poll(0)
        self._admin = make_client(AdminClient, self._config)

    def _ask(self, question: Callable[[float], Answer]) -> Answer:
        """The answer to a question that gets the seconds it may last; asked again after a transient error."""
        self._heard.clear()
        deadline = time.monotonic() + self._patience_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                return question(min(TURN_S, self._patience_s))
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
            if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicExistsError
            self._reconnect()
            refusal = next((heard for heard in (error, *self._heard) if heard.code() in REFUSED), None)
            if refusal is not None:
                raise HeadraceError(refused(self._servers, refusal))
            if error.code() not in TRANSIENT:
                raise HeadraceError(f"Kafka at {self._servers} says: {error.str()}")
            if time.monotonic() + pause >= deadline:
                self._heard.append(error)
                raise self.unreachable(self._patience_s)
            time.sleep(pause)
            pause = min(2 * pause, TURN_S)


class TopicExistsError(Exception):
    """There is a topic of that name already."""


def refused(servers: str, error: KafkaError) -> str:
    """The sentence for a cluster that does not let us do something."""
    return (
        f"Kafka at {servers} refuses: {error.str()}; check the security settings under `kafka` (sasl.*, "
        "ssl.*, security.protocol) and what this user may do"
    )
