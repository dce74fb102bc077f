"""Every setting: its name, type, default, allowed range and meaning; `schemas.settings` reads them."""

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Meta, Struct

from schemas.secret import Secret

Scalar = str | int | float | bool


def doc(text: str, *, fixed: bool = False, planned: bool = False, allowed: str = "", **limits: Any) -> Meta:
    """The meaning of a setting, with its limits.

    `fixed` says that kept state depends on it, so it can't change while that state is in use, `planned` that its
    name is settled but nothing reads it yet. `allowed` says in words what a pattern or a list accepts.
    """
    text += " (nothing reads it yet)" if planned else ""
    return Meta(description=text, extra={"fixed": fixed, "allowed": allowed}, **limits)


class Tiers(Struct, frozen=True, kw_only=True):
    """Follower counts at which an author changes tier; downwards at 0.8 of them."""

    mid: Annotated[
        int,
        doc("followers from which an author is mid: pushed to lately active followers", planned=True, ge=1),
    ] = 50_000
    celebrity: Annotated[
        int, doc("followers from which an author is pulled, not pushed", planned=True, ge=1)
    ] = 1_000_000


class Inbox(Struct, frozen=True, kw_only=True):
    """What one user's inbox holds."""

    cap: Annotated[
        int,
        doc(
            "posts kept in an inbox; cap x 1.1 + 1 must stay within Redis' zset-max-listpack-entries",
            planned=True,
            ge=1,
        ),
    ] = 112


class Labels(Struct, frozen=True, kw_only=True):
    """When training rows are written."""

    horizons_ms: Annotated[
        tuple[Annotated[int, Meta(ge=1000)], ...],
        doc(
            "how long the label join waits before each revision of a row",
            planned=True,
            allowed="a list of growing durations in ms, each at least 1000",
            min_length=1,
        ),
    ] = (600_000, 3_600_000, 86_400_000)


class DeadLetterLimit(Struct, frozen=True, kw_only=True):
    """When a flow stops because too much of its input is bad."""

    limit: Annotated[
        float,
        doc(
            "share of dead letters (in a history the late ones apart) above which a flow stops; 1 = never",
            ge=0,
            le=1,
        ),
    ] = 0.05
    window: Annotated[int, doc("number of latest records over which the share is taken", ge=1)] = 100_000
    minimum: Annotated[int, doc("dead letters in that window below which a flow never stops", ge=1)] = 1_000


class Prometheus(Struct, frozen=True, kw_only=True):
    """Where a flow tells over HTTP how it is."""

    port: Annotated[
        int, doc("port of the page with metrics, health and status; 0 = off", ge=0, le=65_535)
    ] = 0
    host: Annotated[str, doc("address on which that page listens")] = "0.0.0.0"
    stuck_ms: Annotated[
        int,
        doc(
            "time without a turn of its loop after which /healthz calls a flow stuck; waiting for Redis does not "
            "count, for Kafka it does: keep it above kafka_retry_ms",
            ge=1_000,
        ),
    ] = 120_000


class Logging(Struct, frozen=True, kw_only=True):
    """What a flow writes to stderr."""

    format: Annotated[
        Literal["plain", "json"], doc("plain: a line for people; json: one object a line, for collectors")
    ] = "plain"
    level: Annotated[
        Literal["debug", "info", "warning", "error"], doc("what is less important is left out")
    ] = "info"


_Rate = Annotated[float, Meta(ge=0, le=1)]


class Priors(Struct, frozen=True, kw_only=True):
    """The rate p0 that each smoothed rate starts from: (n + a p0) / (d + a)."""

    ctr: Annotated[_Rate, doc("prior of clicks per impression")] = 0.05
    like: Annotated[_Rate, doc("prior of likes per impression")] = 0.02
    comment: Annotated[_Rate, doc("prior of comments per impression")] = 0.004
    share: Annotated[_Rate, doc("prior of shares per impression")] = 0.004
    save: Annotated[_Rate, doc("prior of saves per impression")] = 0.004
    hide: Annotated[_Rate, doc("prior of hides per impression")] = 0.002
    report: Annotated[_Rate, doc("prior of reports per impression")] = 0.0005
    engagement: Annotated[_Rate, doc("prior of engagements per impression")] = 0.08
    quality: Annotated[float, doc("quality q0 of an author without impressions", ge=-8, le=3)] = 0.03


class Ttl(Struct, frozen=True, kw_only=True):
    """How long a key lives in Redis after its last write."""

    post_days: Annotated[int, doc("days that a post vector lives after its last write", ge=1, le=3650)] = 8
    author_days: Annotated[
        int, doc("days that an author vector lives after its last write", ge=1, le=3650)
    ] = 40
    user_days: Annotated[int, doc("days that a user vector lives after its last write", ge=1, le=3650)] = 40

    def seconds(self) -> dict[str, int]:
        """Seconds by entity."""
        return {entity: getattr(self, f"{entity}_days") * 86_400 for entity in ("post", "author", "user")}


class Settings(Struct, frozen=True, kw_only=True):
    """All settings of a deployment; one immutable value that every command gets."""

    log: Annotated[
        str,
        doc(
            "where the topics are: kafka://host:9092 or file:path/to/folder",
            allowed="kafka://host:port[,host:port] or file:path/to/folder",
            pattern=r"^(kafka://[^/]+|file:.+)$",
        ),
    ] = "file:.headrace/log"
    redis: Annotated[
        str,
        doc(
            "where Redis is; embedded: starts one of its own",
            allowed="redis://host:port/db, rediss://..., unix:///path, redis+cluster://... or embedded:",
            pattern=r"^(redis://.+|rediss://.+|unix://.+|redis\+cluster://.+|embedded:.*)$",
        ),
    ] = "embedded:"
    redis_password: Annotated[
        Secret | None, doc("password of Redis; from HEADRACE_REDIS_PASSWORD or redis_password_file only")
    ] = None
    redis_password_file: Annotated[str, doc("file that holds the password of Redis; empty = none")] = ""
    state: Annotated[
        str, doc("folder of the state store, from which a flow resumes", allowed="a folder", min_length=1)
    ] = ".headrace/state"
    topic_prefix: Annotated[
        str,
        doc(
            "put before every topic name, so that deployments can share a cluster",
            fixed=True,
            allowed="letters, digits, dots, dashes and underscores",
            pattern=r"^[A-Za-z0-9._-]*$",
        ),
    ] = ""
    redis_prefix: Annotated[
        str,
        doc(
            "put before every Redis key, so that deployments can share a server",
            allowed="a text without braces and blanks",
            pattern=r"^[^{}\s]*$",
        ),
    ] = ""
    redis_retry_ms: Annotated[
        int, doc("time that Redis may be away before a flow gives up; until then it tries again", ge=0)
    ] = 60_000
    redis_held_bytes: Annotated[
        int,
        doc(
            "memory of what waits for Redis; when it is full, reading stops until Redis has taken some",
            ge=1_000,
        ),
    ] = 67_108_864
    kafka_retry_ms: Annotated[
        int, doc("time that Kafka may be away before a flow gives up; until then it tries again", ge=100)
    ] = 60_000
    kafka_ahead_bytes: Annotated[
        int,
        doc(
            "memory of what was fetched from Kafka and not read yet, all partitions of a topic together",
            ge=1_048_576,
        ),
    ] = 536_870_912
    peer_wait_ms: Annotated[
        int, doc("time that the processes of a cluster wait for each other at the start", ge=0)
    ] = 60_000
    stop_ms: Annotated[
        int, doc("time that a flow which was told to stop still waits for a service that is away", ge=0)
    ] = 10_000
    partitions: Annotated[
        int, doc("partitions of every user-partitioned topic", fixed=True, ge=1, le=32_767)
    ] = 64
    shards: Annotated[
        int,
        doc(
            "pieces that the state of a flow is kept in: at most so many processes can share it",
            fixed=True,
            ge=1,
            le=1024,
        ),
    ] = 4
    time: Annotated[
        Literal["live", "history"],
        doc(
            "live: events are judged by append time too; history: old data, judged by event time alone",
            fixed=True,
        ),
    ] = "live"
    max_ahead_ms: Annotated[
        int, doc("an event further ahead of its append time is a dead letter (future)", fixed=True, ge=0)
    ] = 60_000
    allowed_lateness_ms: Annotated[
        int,
        doc("an event further behind its partition's watermark is a dead letter (late)", fixed=True, ge=0),
    ] = 3_600_000
    tick_lateness_ms: Annotated[
        int, doc("allowed lateness of recorded output: how long a tick stays open", ge=0)
    ] = 60_000
    dedupe_horizon_ms: Annotated[
        int, doc("event time over which a repeated event_id counts once", fixed=True, ge=0)
    ] = 600_000
    idle_after_ms: Annotated[
        int,
        doc(
            "a partition silent for so long no longer holds up the others; 0 = it always does",
            planned=True,
            ge=0,
        ),
    ] = 0
    max_record_bytes: Annotated[
        int, doc("a larger record is a dead letter (too_large)", fixed=True, ge=100)
    ] = 1_048_576
    frame_rows: Annotated[int, doc("rows at which a frame is full", ge=1, le=10_000_000)] = 50_000
    engine: Annotated[
        Literal["bytewax", "loop"],
        doc("what runs a flow: bytewax, or a plain loop in one process", fixed=True),
    ] = "bytewax"
    epoch_ms: Annotated[int, doc("time between two snapshots", ge=10)] = 10_000
    flush_ms: Annotated[int, doc("time until changed post and author vectors are written to Redis", ge=1)] = (
        250
    )
    flush_slow_ms: Annotated[
        int, doc("time until changed user vectors and emptied windows are written to Redis", ge=1)
    ] = 10_000
    expiry_per_second: Annotated[
        int,
        doc(
            "vectors a second, of each kind and shard, written because an hour or a day left their windows, at least; "
            "more where these would else trail by five minutes",
            ge=1,
        ),
    ] = 1_000
    group: Annotated[
        str,
        doc(
            "consumer group that offsets are committed to, for lag tools only; the flow's name is appended",
            allowed="a name",
            min_length=1,
        ),
    ] = "headrace"
    schema_path: Annotated[str, doc("folder of further writer schemas, <Record>/*.avsc; empty = none")] = ""
    wire_format: Annotated[
        Literal["single-object", "confluent"],
        doc("header of the Avro values that are written: Avro's own, or a schema id; both are read"),
    ] = "single-object"
    schema_registry: Annotated[
        str,
        doc(
            "schema registry, for values with a schema id; empty = none",
            allowed="http://host:port or https://host:port, without user and password, or nothing",
            pattern=r"^(https?://[^/@?#\s]+(/[^@?#\s]*)?)?$",
        ),
    ] = ""
    schema_registry_user: Annotated[str, doc("user of the schema registry; empty = none")] = ""
    schema_registry_password: Annotated[
        Secret | None,
        doc(
            "password of the schema registry; from HEADRACE_SCHEMA_REGISTRY_PASSWORD or "
            "schema_registry_password_file only"
        ),
    ] = None
    schema_registry_password_file: Annotated[
        str, doc("file that holds the password of the schema registry; empty = none")
    ] = ""
    schema_registry_ca: Annotated[
        str, doc("file of the certificates (PEM) that an https registry is checked by; empty = the system's")
    ] = ""
    schema_registry_retry_ms: Annotated[
        int,
        doc(
            "time that the schema registry may be away before a flow gives up; until then it tries again",
            ge=0,
        ),
    ] = 60_000
    feature_registry: Annotated[str, doc("file of feature definitions; empty = the built-in ones")] = ""
    smoothing: Annotated[
        float, doc("impressions that a prior is worth: the a in (n + a p0) / (d + a)", gt=0)
    ] = 20.0
    position_curve: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=10_000)], ...],
        doc(
            "chance in thousandths that a position was examined, from the top; positions beyond the list "
            "count as its last entry, an unknown position (null or below 1) as 1000",
            fixed=True,
            allowed="a list of 1 to 40 whole numbers, each from 1 to 10000",
            min_length=1,
            max_length=40,
        ),
    ] = (1000, 390, 290, 220, 180, 150)
    tiers: Tiers = Tiers()
    inbox: Inbox = Inbox()
    labels: Labels = Labels()
    dead_letters: DeadLetterLimit = DeadLetterLimit()
    metrics: Prometheus = Prometheus()
    logging: Logging = Logging()
    priors: Priors = Priors()
    ttl: Ttl = Ttl()
    kafka: Annotated[
        dict[str, Scalar | Secret],
        doc("any setting of librdkafka, passed through; secrets from the environment or from NAME_file"),
    ] = {}

    def redis_url(self) -> str:
        """`redis` with the password in it: for the client library only, never to be printed."""
        if self.redis_password is None or self.redis.startswith("embedded:"):
            return self.redis
        parts = urlsplit(self.redis)
        user, _, host = parts.netloc.rpartition("@")
        return urlunsplit(
            parts._replace(netloc=f"{user}:{quote(self.redis_password.reveal(), safe='')}@{host}")
        )

    def kafka_config(self) -> dict[str, Scalar]:
        """The librdkafka settings with their secrets: for the client library only, never to be printed."""
        return {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in self.kafka.items()
        }
