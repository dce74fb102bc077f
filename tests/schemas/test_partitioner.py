"""The partitioner: Kafka's murmur2, by published vectors, by a plain form, and by what a broker received."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from confluent_kafka import KafkaError, Message, Producer
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioner import TEST_VECTORS, key_bytes, murmur2, partition_of
from tests.services.broker import Broker

IDS = st.integers(-(2**63), 2**63 - 1)


def plain_murmur2(data: bytes) -> int:
    """Murmur2 of any bytes, step by step as in Kafka's `Utils.murmur2`."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_plain_form_gives_kafkas_own_vectors(key: bytes, hashed: int) -> None:
    """The vectors of `UtilsTest.testMurmur2` in Apache Kafka."""
    assert plain_murmur2(key) == hashed & 0xFFFFFFFF


@given(st.lists(IDS, max_size=50), st.integers(1, 1000))
def test_whole_columns_agree_with_the_plain_form(ids: list[int], partitions: int) -> None:
    column = np.array(ids, np.int64)
    keys = [struct.pack(">q", id) for id in ids]
    assert key_bytes(column) == keys
    assert murmur2(column).tolist() == [plain_murmur2(key) for key in keys]
    places = partition_of(column, partitions)
    assert places.dtype == np.int32
    assert places.tolist() == [(plain_murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]


def test_published_vectors() -> None:
    assert [(id, plain_murmur2(struct.pack(">q", id))) for id, _ in TEST_VECTORS] == list(TEST_VECTORS)


def test_a_column_that_is_a_slice_or_has_a_stride() -> None:
    ids = np.arange(-50, 50)
    assert partition_of(ids[::3], 7).tolist() == partition_of(ids, 7)[::3].tolist()


def test_no_partitions_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one partition"):
        partition_of(np.array([1]), 0)


def test_a_producer_with_murmur2_puts_records_where_we_look_for_them(
    kafka: Broker, topic_prefix: str
) -> None:
    topic, partitions = f"{topic_prefix}placed", 13
    kafka.create_topic(topic, partitions)
    ids = [id for id, _ in TEST_VECTORS] + list(range(-100, 100))
    assert produced(kafka, topic, ids) == dict(
        zip(ids, partition_of(np.array(ids), partitions).tolist(), strict=True)
    )


def produced(kafka: Broker, topic: str, ids: Sequence[int]) -> dict[int, int]:
    """The partition into which librdkafka put each id."""
    places: dict[int, int] = {}

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        key, partition = message.key(), message.partition()
        assert key is not None
        assert partition is not None
        places[struct.unpack(">q", key)[0]] = partition

    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2"})
    for key in key_bytes(ids):
        producer.produce(topic, key=key, value=b"", on_delivery=delivered)
    producer.flush()
    return places
