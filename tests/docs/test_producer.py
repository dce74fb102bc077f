"""The example producer writes what headrace reads: all accepted, in its partition, with ids that tell their time."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from schemas.codec import Codec
from schemas.partitioner import TEST_VECTORS, partition_of
from sinks.kafka import KafkaWriter
from sources.kafka import KafkaLog
from tests.services.broker import Broker
from tests.sources.places import everything

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "docs" / "examples" / "producer.py"
PARTITIONS = 8


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("producer", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("batch", [1, 7])
def test_what_it_writes_is_read(kafka: Broker, topic_prefix: str, batch: int) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix)
    writer.create(["interactions"], PARTITIONS)
    before = time.time_ns() // 1_000_000
    options = {
        "--bootstrap": kafka.bootstrap,
        "--topic": f"{topic_prefix}interactions",
        "--schemas": str(ROOT / "schemas" / "avro"),
        "--partitions": str(PARTITIONS),
        "--count": "500",
        "--batch": str(batch),
        "--node": "5",
    }
    words = [word for pair in options.items() for word in pair]
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    after = time.time_ns() // 1_000_000

    log, codec = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix), Codec("Interaction")
    ids: list[int] = []
    for partition in range(PARTITIONS):
        read = everything(log, "interactions", partition)
        decoded = codec.decode([value for value in read.values if value is not None])
        assert decoded.bad == []
        users = decoded.rows.column("user_id").to_numpy()
        assert set(partition_of(users, PARTITIONS).tolist()) == {partition}
        ids += decoded.rows.column("event_id").to_pylist() + decoded.rows.column("request_id").to_pylist()
        assert all(before <= at <= after for at in read.append_ms)
    assert len(set(ids)) == 1_000
    assert {number >> 11 & 1023 for number in ids} == {5}
    assert all(before <= number >> 21 <= after for number in ids)


def test_its_partitioner_is_the_contract(example: ModuleType) -> None:
    for number, hashed in TEST_VECTORS:
        assert example.murmur2(example.key_of(number)) == hashed
    users = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 1_000)
    assert [example.partition(int(user), 64) for user in users] == partition_of(users, 64).tolist()


def test_its_hash_takes_keys_of_any_length(example: ModuleType) -> None:
    """Vectors of Kafka's own UtilsTest, as signed numbers there."""
    vectors = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"abc": 479470107,
    }
    assert {key: example.murmur2(key) for key in vectors} == {
        key: h & 0xFFFFFFFF for key, h in vectors.items()
    }


def test_its_ids_never_repeat(example: ModuleType) -> None:
    ids = example.RequestIds(1023)
    made = [ids.next() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert max(number & 2047 for number in made) == 2047
    with pytest.raises(ValueError, match="a node is a number of 10 bits, not 1024"):
        example.RequestIds(1024)
