"""A simulated log holds what its truth says: found again by reading it like anybody else would."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from flows.simulate import TRUTH_FILE, simulate, simulate_into
from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.partitioner import key_bytes, partition_of
from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.file_log import FileLogWriter
from sources.file_log import FileLog
from sources.open_log import open_log
from sources.simulate import Dirt, Traffic, Truth
from tests.services.broker import Broker
from tests.sources.places import everything

TRAFFIC = Traffic(users=5_000, hours=3, rate=150, seed=11, partitions=4, dirt=Dirt().times(3))


def write(folder: Path, traffic: Traffic = TRAFFIC, batch: int = 1) -> Truth:
    return simulate(traffic, FileLog(folder), FileLogWriter(folder), batch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return write(folder)


def messages(folder: Path, topic: str, partition: int) -> tuple[list[bytes], list[bytes | None], list[int]]:
    """Values, keys and append times of a partition."""
    reader = FileLog(folder).open(topic, partition)
    values: list[bytes] = []
    keys: list[bytes | None] = []
    append: list[int] = []
    while (batch := reader.read(100_000)) is not None:
        values += [value for value in batch.values if value is not None]
        keys += [batch.key(index) for index in range(len(batch))]
        append += batch.append_ms.tolist()
    return values, keys, append


def judged(folder: Path, partitions: int) -> dict[str, int]:
    """Interactions by what becomes of them, judged record by record."""
    found = dict.fromkeys(["accepted", "undecodable", "partition", "future", "late", "repeat"], 0)
    codec = Codec("Interaction")
    for partition in range(partitions):
        values, _, append = messages(folder, "interactions", partition)
        decoded = codec.decode(values)
        found["undecodable"] += len(decoded.bad)
        rows = decoded.rows
        places = partition_of(rows.column("user_id").to_numpy(), partitions)
        source = decoded.source if decoded.source is not None else np.arange(len(rows))
        ids, times = rows.column("event_id").to_pylist(), rows.column("at_ms").to_pylist()
        watermark = -(2**62)
        accepted_at: dict[int, int] = {}
        for event_id, at, message, place in zip(ids, times, source.tolist(), places.tolist(), strict=True):
            arrived = append[message]
            if place != partition:
                found["partition"] += 1
            elif at > arrived + 60_000:
                found["future"] += 1
            elif at < max(watermark, arrived) - 3_600_000:
                found["late"] += 1
            elif event_id in accepted_at and accepted_at[event_id] > watermark - 600_000:
                found["repeat"] += 1
            else:
                found["accepted"] += 1
                accepted_at[event_id] = at
                watermark = max(watermark, min(at, arrived))
    return found


def test_the_truth_is_what_a_reader_finds(folder: Path, truth: Truth) -> None:
    assert judged(folder, 4) == {"accepted": sum(truth.interactions.values()), **truth.set_aside}
    assert min(truth.set_aside.values()) > 5
    assert truth.interactions["like"] > 1_000


def test_the_truth_holds_for_messages_of_many_records(tmp_path: Path, truth: Truth) -> None:
    batched = write(tmp_path, batch=20)
    assert judged(tmp_path, 4) == {"accepted": sum(batched.interactions.values()), **batched.set_aside}
    assert batched.messages["interactions"] < truth.messages["interactions"] / 15
    assert batched.set_aside["repeat"] == truth.set_aside["repeat"]


@pytest.mark.parametrize("topic", ["users", "follows", "posts", "interactions"])
def test_records_are_in_order_of_arrival_under_their_key(folder: Path, truth: Truth, topic: str) -> None:
    total = 0
    for partition in range(4):
        values, keys, append = messages(folder, topic, partition)
        assert append == sorted(append)
        total += len(values)
        decoded = Codec(TOPICS[topic].record).decode(values)
        if topic == "interactions":
            continue
        assert not decoded.bad
        key_ids = [decoded.rows.column(name).to_numpy() for name in TOPICS[topic].key]
        parts = [key_bytes(ids) for ids in key_ids]
        assert keys == [b"".join(part) for part in zip(*parts, strict=True)]
        placed = decoded.rows.column(TOPICS[topic].placed_by).to_numpy()
        assert (partition_of(placed, 4) == partition).all()
        assert (decoded.rows.column("at_ms").to_numpy() <= np.array(append)).all()
    assert total == truth.messages[topic]


def test_the_hottest_post_is_the_most_viewed(folder: Path, truth: Truth) -> None:
    columns = []
    for partition in range(4):
        rows = Codec("Interaction").decode(messages(folder, "interactions", partition)[0]).rows
        columns.append(rows.filter(pa.compute.equal(rows.column("type").cast(pa.string()), "impression")))
    posts = np.concatenate([rows.column("post_id").to_numpy() for rows in columns])
    found, views = np.unique(posts, return_counts=True)
    assert found[np.argmax(views)] == truth.hottest_post
    assert views.max() == pytest.approx(truth.hottest_views, rel=0.1)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(folder: Path, truth: Truth, tmp_path: Path) -> None:
    again = write(tmp_path)
    assert again == truth
    assert digest(tmp_path) == digest(folder)


def test_the_truth_lies_beside_a_file_log(tmp_path: Path) -> None:
    settings = Settings(log=f"file:{tmp_path}", partitions=2)
    seen: list[tuple[int, int]] = []
    traffic = Traffic(users=500, hours=1, rate=100, partitions=2)
    truth = simulate_into(settings, traffic, watch=lambda done, of: seen.append((done, of)))
    assert msgspec.json.decode((tmp_path / TRUTH_FILE).read_bytes(), type=Truth) == truth
    done, of = seen[-1]
    assert done == of or of == pytest.approx(done, rel=0.2)
    assert done >= sum(truth.messages.values())


def test_both_logs_get_the_same_messages(tmp_path: Path, kafka: Broker, topic_prefix: str) -> None:
    traffic = Traffic(users=300, hours=1, rate=200, partitions=2)
    write(tmp_path, traffic)
    settings = Settings(log=f"kafka://{kafka.bootstrap}", topic_prefix=topic_prefix, partitions=2)
    truth = simulate_into(settings, traffic)
    for topic in truth.messages:
        for partition in range(2):
            there = everything(open_log(settings), topic, partition)
            here = everything(FileLog(tmp_path), topic, partition)
            assert (there.values, there.keys, there.append_ms) == (here.values, here.keys, here.append_ms)
            assert here.values


def test_a_log_with_messages_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic(users=100, hours=1, partitions=2)
    write(tmp_path, traffic)
    before = digest(tmp_path)
    with pytest.raises(HeadraceError, match="has messages already"):
        write(tmp_path, traffic)
    assert digest(tmp_path) == before
