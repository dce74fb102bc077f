"""What every log promises, checked on each of them."""

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import HeadraceError
from tests.services.broker import Broker
from tests.sources.places import FilePlace, KafkaPlace, Messages, Place, everything

TOPIC = "interactions"


@pytest.fixture(params=["file log", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file log":
        return FilePlace(tmp_path / "log")
    kafka: Broker = request.getfixturevalue("kafka")
    return KafkaPlace(kafka, request.getfixturevalue("topic_prefix"))


def _write(place: Place, values: list[bytes | None], topic: str = TOPIC, partition: int = 0) -> None:
    writer = place.writer()
    writer.create([topic], 2)
    writer.write(topic, partition, values)
    writer.flush()
    writer.close()


def _numbers(start: int, stop: int) -> list[bytes | None]:
    return [b"%d" % number for number in range(start, stop)]


def test_what_is_written_is_read_in_order(place: Place) -> None:
    _write(place, _numbers(0, 2500))
    read = everything(place.log(), TOPIC)
    assert read.values == _numbers(0, 2500)
    assert read.offsets == list(range(2500))


def test_partitions_are_apart(place: Place) -> None:
    _write(place, [b"zero"], partition=0)
    _write(place, [b"one", b"two"], partition=1)
    log = place.log()
    assert log.partitions(TOPIC) == 2
    assert log.ends(TOPIC) == [1, 2]
    assert everything(log, TOPIC, 0).values == [b"zero"]
    assert everything(log, TOPIC, 1).values == [b"one", b"two"]


def test_null_values_empty_values_and_keys_arrive(place: Place) -> None:
    writer = place.writer()
    writer.create([TOPIC], 1)
    writer.write(TOPIC, 0, [None, b"", b"value"], [b"erased", None, b""])
    writer.flush()
    read = everything(place.log(), TOPIC)
    assert read.values == [None, b"", b"value"]
    assert read.keys == [b"erased", None, b""]


def test_append_times_are_kept_as_given(place: Place) -> None:
    times = np.array([1_500, 1_500, 1_400, 9_000, 9_000, 9_000], dtype=np.int64)
    writer = place.writer()
    writer.create([TOPIC], 1)
    writer.write(TOPIC, 0, _numbers(0, 6), None, times)
    writer.flush()
    assert everything(place.log(), TOPIC).append_ms == times.tolist()


def test_a_record_of_ten_megabytes(place: Place) -> None:
    large = bytes(range(256)) * 40_000
    _write(place, [b"before", large, b"after"])
    assert everything(place.log(), TOPIC).values == [b"before", large, b"after"]


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 11, 39, 40])
def test_reading_goes_on_from_any_offset(place: Place, offset: int) -> None:
    _write(place, _numbers(0, 40))
    read = everything(place.log(), TOPIC, offset=offset)
    assert read.values == _numbers(offset, 40)
    assert read.offsets == list(range(offset, 40))


def test_small_limits_cut_nothing_and_repeat_nothing(place: Place) -> None:
    _write(place, _numbers(0, 50))
    reader = place.log().open(TOPIC, 0, None, 50)
    assert Messages().read_to_end(reader, limit=7).values == _numbers(0, 50)
    assert reader.offset == 50
    reader.close()


def test_until_ends_a_reader_before_the_end_of_the_log(place: Place) -> None:
    _write(place, _numbers(0, 40))
    reader = place.log().open(TOPIC, 0, 5, 23)
    assert not reader.done
    assert Messages().read_to_end(reader).values == _numbers(5, 23)
    assert reader.offset == 23
    assert reader.read(10) is None
    reader.close()


def test_an_empty_partition_is_done_at_once(place: Place) -> None:
    _write(place, [])
    log = place.log()
    assert log.starts(TOPIC) == log.ends(TOPIC) == [0, 0]
    reader = log.open(TOPIC, 0, None, 0)
    assert reader.done
    assert reader.read(10) is None
    reader.close()


def test_a_reader_follows_what_is_written_behind_it(place: Place) -> None:
    _write(place, [])
    reader = place.log().open(TOPIC, 0)
    read = Messages()
    assert not read.read(reader)
    for start in (0, 25, 50):
        _write(place, _numbers(start, start + 25))
        read.read_until(reader, start + 25)
    assert read.values == _numbers(0, 75)
    assert not reader.done
    reader.close()


def test_the_offset_of_a_reader_is_where_the_next_one_goes_on(place: Place) -> None:
    _write(place, _numbers(0, 40))
    log = place.log()
    first, read = log.open(TOPIC, 0), Messages()
    while not read.read(first, limit=13):
        pass
    first.commit(first.offset)
    first.close()
    assert read.values + everything(log, TOPIC, offset=first.offset).values == _numbers(0, 40)


def test_a_writer_that_starts_again_goes_on_behind_the_last_record(place: Place) -> None:
    _write(place, _numbers(0, 15))
    _write(place, _numbers(15, 18))
    read = everything(place.log(), TOPIC)
    assert read.values == _numbers(0, 18)
    assert read.offsets == list(range(18))


def test_an_offset_that_retention_removed_is_an_error(place: Place) -> None:
    _write(place, _numbers(0, 40))
    place.expire(TOPIC, 0, below=20)
    log = place.log()
    assert log.starts(TOPIC) == [20, 0]
    with pytest.raises(
        HeadraceError, match=r"'interactions', partition 0: offset 19 is gone.* below 20; start"
    ):
        log.open(TOPIC, 0, 19)
    assert everything(log, TOPIC, offset=20).values == _numbers(20, 40)
    assert everything(log, TOPIC).values == _numbers(20, 40)


def test_an_offset_that_retention_removes_under_a_reader_is_an_error(place: Place) -> None:
    _write(place, _numbers(0, 40))
    reader = place.log().open(TOPIC, 0, 5, 40)
    place.expire(TOPIC, 0, below=20)
    with pytest.raises(HeadraceError, match="partition 0: offset 5 is gone"):
        Messages().read_to_end(reader)
    reader.close()


def test_an_offset_beyond_the_end_is_an_error(place: Place) -> None:
    _write(place, _numbers(0, 3))
    log = place.log()
    with pytest.raises(
        HeadraceError, match="offset 4 is beyond the end of the log, 3: the topic was deleted"
    ):
        log.open(TOPIC, 0, 4)
    assert everything(log, TOPIC, offset=3).values == []


@pytest.mark.parametrize("question", ["partitions", "starts", "ends", "open"])
def test_a_missing_topic_is_one_sentence(place: Place, question: str) -> None:
    asked = {"open": ("posts", 0)}.get(question, ("posts",))
    with pytest.raises(HeadraceError, match=r"posts' is not in .*`headrace topics --create`"):
        getattr(place.log(), question)(*asked)


def test_a_missing_partition_is_one_sentence(place: Place) -> None:
    _write(place, [])
    with pytest.raises(HeadraceError, match="'interactions' has 2 partitions, not 3"):
        place.log().open(TOPIC, 2)


def test_topics_are_made_once_with_their_partitions(place: Place) -> None:
    writer = place.writer()
    assert writer.create(["posts", "follows"], 3) == ["posts", "follows"]
    assert writer.create(["posts", "users"], 3) == ["users"]
    assert [place.log().partitions(topic) for topic in ("posts", "follows", "users")] == [3, 3, 3]
    with pytest.raises(
        HeadraceError, match="posts' has 3 partitions and 4 are wanted; set `partitions` to 3"
    ):
        writer.create(["posts"], 4)


def test_writing_to_a_missing_topic_is_one_sentence(place: Place) -> None:
    writer = place.writer()
    with pytest.raises(HeadraceError, match=r"posts' is not in .*`headrace topics --create`"):
        writer.write("posts", 0, [b"value"])
    writer.create(["posts"], 2)
    with pytest.raises(HeadraceError, match="posts' has 2 partitions, not 3"):
        writer.write("posts", 2, [b"value"])
    writer.close()
