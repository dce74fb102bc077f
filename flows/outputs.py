"""Opens the sinks of flows."""

from flows.codecs import writing
from flows.observe import Observer
from schemas.effects import FeatureSet
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.dead_letters import TOPIC, DeadLetterSink
from sinks.redis import RedisSink


def redis(settings: Settings, registry: Registry, observer: Observer) -> RedisSink:
    """Redis, for vectors of the registry's version; what their numbers are called is published at once."""
    sink = RedisSink.from_settings(settings, registry.version, observer.acknowledged)
    sink.write([FeatureSet.of(registry)])
    observer.redis = sink
    return sink


def dead_letters(settings: Settings, flow: str) -> DeadLetterSink:
    """The topic of dead letters, in the log that the flow reads."""
    return DeadLetterSink.from_settings(settings, flow, writing(settings, TOPIC))
