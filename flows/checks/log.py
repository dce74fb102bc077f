"""Is the log there, has it the topics with the right partitions, and can its newest records be read?"""

import time
from pathlib import Path

from flows.checks.finding import Finding
from flows.codecs import reading_one
from schemas.errors import HeadraceError
from schemas.kafka_cluster import KafkaCluster
from schemas.settings import Settings
from schemas.topics import TOPICS, Topic
from sources.log import Log
from sources.open_log import open_log

KAFKA = "kafka://"
PATIENCE_S = 5.0
NEEDED = ("interactions",)
NEWEST = 100
READ_S = 5.0


def check_log(settings: Settings) -> list[Finding]:
    """The log answers, and each topic that others write is there as the settings say."""
    cluster = None
    if settings.log.startswith(KAFKA):
        cluster = KafkaCluster(settings.log.removeprefix(KAFKA), settings.kafka_config(), PATIENCE_S)
        if cluster.topics(PATIENCE_S) is None:
            return [Finding.of("log", cluster.unreachable(PATIENCE_S))]
    elif not Path(settings.log.removeprefix("file:")).is_dir():
        advice = "fill it with headrace simulate or headrace import, or correct log"
        return [Finding("log", "fail", f"there is no file log at {settings.log}", advice)]
    found = [Finding("log", "ok", f"{settings.log} answers")]
    log = open_log(settings)
    try:
        for topic in TOPICS.values():
            if topic.external:
                found += _check_topic(log, cluster, topic, settings)
    finally:
        log.close()
    return found


def _check_topic(log: Log, cluster: KafkaCluster | None, topic: Topic, settings: Settings) -> list[Finding]:
    name = settings.topic_prefix + topic.name
    try:
        partitions = log.partitions(topic.name)
        ends = log.ends(topic.name)
        count = sum(ends) - sum(log.starts(topic.name))
    except HeadraceError as error:
        needed = topic.name in NEEDED
        return [
            Finding.of("log", error)
            if needed
            else Finding("log", "ok", f"topic {name} is not there, nothing needs it yet")
        ]
    if topic.placement == "id" and partitions != settings.partitions:
        text = f"topic {name} has {partitions} partitions, the setting partitions is {settings.partitions}"
        return [Finding("log", "fail", text, f"set partitions = {partitions}, or make the topic anew")]
    found = [Finding("log", "ok", f"topic {name}: {partitions} partitions, {count:,} messages")]
    if cluster is not None:
        found += _check_times(cluster.topic_settings(name), name, settings)
    try:
        found += _check_newest(log, topic, ends, settings)
    except HeadraceError as error:
        found.append(Finding.of("log", error))
    return found


def _check_times(config: dict[str, str], name: str, settings: Settings) -> list[Finding]:
    kind = config.get("message.timestamp.type", "")
    if settings.time == "live" and kind != "LogAppendTime":
        text = (
            f"topic {name} keeps {kind}: what a producer says stands in for the time at which it was appended"
        )
        return [Finding("log", "warn", text, f"set message.timestamp.type=LogAppendTime on {name}")]
    if settings.time == "history" and kind != "CreateTime":
        text = f"topic {name} keeps {kind}: history lies at the times at which it was imported"
        return [
            Finding("log", "warn", text, f"set message.timestamp.type=CreateTime on {name} before importing")
        ]
    return []


def _check_newest(log: Log, topic: Topic, ends: list[int], settings: Settings) -> list[Finding]:
    """The newest records of the fullest partition decode: their writers' schemas are known."""
    partition = ends.index(max(ends))
    first = max(log.starts(topic.name)[partition], ends[partition] - NEWEST)
    if first == ends[partition]:
        return []
    codec = reading_one(settings, topic.name)
    values: list[bytes] = []
    reader = log.open(topic.name, partition, first, ends[partition])
    deadline = time.monotonic() + READ_S
    try:
        while not reader.done and time.monotonic() < deadline:
            batch = reader.read(NEWEST)
            values += [value for value in batch.values if value is not None] if batch else []
    finally:
        reader.close()
    bad = codec.decode(values).bad
    if not bad:
        return [Finding("log", "ok", f"topic {topic.name}: its newest {len(values)} records can be read")]
    text = (
        f"topic {topic.name}: {len(bad)} of its newest {len(values)} records can't be read ({bad[0].detail})"
    )
    return [
        Finding(
            "log",
            "warn",
            text,
            "put the schema of their writer into the folder that schema_path names, or set schema_registry",
        )
    ]
