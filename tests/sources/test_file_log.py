"""What only a folder of files can be: damaged, half written, written by two, or by somebody else."""

import time
from pathlib import Path

import fastavro
import numpy as np
import polars as pl
import pytest

from schemas.errors import HeadraceError
from sinks.file_log import FileLogWriter
from sources.file_log import FileLog
from tests.sources.places import Messages, everything

TOPIC = "posts"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "log"


def _writer(root: Path, rows: int = 10) -> FileLogWriter:
    writer = FileLogWriter(root, segment_rows=rows)
    writer.create([TOPIC], 1)
    return writer


def _write(root: Path, count: int) -> None:
    writer = _writer(root)
    writer.write(TOPIC, 0, [b"value %d" % number for number in range(count)])
    writer.flush()


def _segment(root: Path, base: int) -> Path:
    return root / TOPIC / "00000" / f"{base:020d}.avro"


def test_segments_are_bounded_in_rows_and_bytes(root: Path) -> None:
    writer = FileLogWriter(root, segment_rows=10, segment_bytes=100)
    writer.create([TOPIC], 1)
    writer.write(TOPIC, 0, [b"v"] * 25 + [b"v" * 60] * 3 + [b"v" * 500])
    writer.write(TOPIC, 0, [b"v"])
    writer.flush()
    files = sorted((root / TOPIC / "00000").iterdir())
    sizes = [pl.read_avro(file)["value"].bin.size().to_list() for file in files]
    assert sizes == [[1] * 10, [1] * 10, [1] * 5 + [60], [60], [60], [500], [1]]
    assert [file.name for file in files] == [f"{base:020d}.avro" for base in (0, 10, 20, 26, 27, 28, 29)]


def test_nothing_is_read_before_it_is_flushed(root: Path) -> None:
    writer = _writer(root)
    reader = FileLog(root).open(TOPIC, 0)
    writer.write(TOPIC, 0, [b"v"] * 9)
    assert reader.read(100) is None
    writer.flush()
    assert Messages().read_until(reader, 9).offsets == list(range(9))


def test_append_time_is_now_where_none_is_given(root: Path) -> None:
    before = time.time_ns() // 1_000_000
    _write(root, 3)
    after = time.time_ns() // 1_000_000
    assert all(before <= at <= after for at in everything(FileLog(root), TOPIC).append_ms)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_an_error_that_names_the_file(root: Path, place: float) -> None:
    _write(root, 30)
    file = _segment(root, 10)
    damaged = bytearray(file.read_bytes())
    damaged[int(len(damaged) * place)] ^= 0x10
    file.write_bytes(damaged)
    reader = FileLog(root).open(TOPIC, 0)
    read = Messages().read_until(reader, 10)
    with pytest.raises(HeadraceError, match=rf"segment {file} is damaged: .*restore it"):
        reader.read(100)
    assert read.offsets == list(range(10))
    assert reader.offset == 10


@pytest.mark.parametrize("missing", [1, 16, 17, 200])
def test_a_file_that_is_cut_off_is_an_error_that_names_it(root: Path, missing: int) -> None:
    _write(root, 30)
    file = _segment(root, 20)
    file.write_bytes(file.read_bytes()[:-missing])
    with pytest.raises(HeadraceError, match=rf"segment {file} is damaged"):
        FileLog(root).ends(TOPIC)


def test_an_empty_file_is_an_error_that_names_it(root: Path) -> None:
    _write(root, 30)
    _segment(root, 10).write_bytes(b"")
    reader = FileLog(root).open(TOPIC, 0, 10)
    with pytest.raises(HeadraceError, match="is damaged: it does not begin as an Avro file"):
        reader.read(100)


def test_a_segment_missing_in_the_middle_is_an_error(root: Path) -> None:
    _write(root, 30)
    _segment(root, 10).unlink()
    reader = FileLog(root).open(TOPIC, 0)
    Messages().read_until(reader, 10)
    with pytest.raises(HeadraceError, match="offset 10 is gone, retention has removed everything below 20"):
        reader.read(100)


def test_what_a_killed_writer_left_is_ignored_and_overwritten(root: Path) -> None:
    _write(root, 10)
    torn = _segment(root, 10).with_name(f"{10:020d}.avro.tmp")
    torn.write_bytes(_segment(root, 0).read_bytes() * 3)
    assert FileLog(root).ends(TOPIC) == [10]
    _write(root, 5)
    assert everything(FileLog(root), TOPIC).offsets == list(range(15))
    assert not torn.exists()


def test_of_two_writers_one_stops_and_nothing_is_lost(root: Path) -> None:
    first, second = _writer(root), _writer(root)
    first.write(TOPIC, 0, [b"first"] * 5)
    second.write(TOPIC, 0, [b"second"] * 5)
    first.flush()
    with pytest.raises(
        HeadraceError, match="written by another writer meanwhile; let only one process write"
    ):
        second.flush()
    first.write(TOPIC, 0, [b"again"])
    first.flush()
    assert everything(FileLog(root), TOPIC).values == [b"first"] * 5 + [b"again"]


def test_a_segment_of_another_avro_writer_is_read(root: Path) -> None:
    _write(root, 0)
    schema = {
        "type": "record",
        "name": "LogRecord",
        "fields": [
            {"name": "offset", "type": "long"},
            {"name": "append_ms", "type": "long"},
            {"name": "key", "type": ["null", "bytes"]},
            {"name": "value", "type": ["null", "bytes"]},
        ],
    }
    records = [{"offset": n, "append_ms": 7, "key": None, "value": b"%d" % n} for n in range(500)]
    _segment(root, 0).parent.mkdir()
    with _segment(root, 0).open("wb") as file:
        fastavro.writer(file, schema, records, codec="deflate", sync_interval=300)
    assert FileLog(root).ends(TOPIC) == [500]
    assert everything(FileLog(root), TOPIC).values == [record["value"] for record in records]


def test_a_segment_with_other_offsets_than_its_name_says_is_an_error(root: Path) -> None:
    _write(root, 10)
    _segment(root, 0).rename(_segment(root, 3))
    with pytest.raises(HeadraceError, match="its offsets do not run on from 3"):
        FileLog(root).open(TOPIC, 0).read(10)


def test_a_folder_that_can_not_be_written_is_one_sentence(root: Path) -> None:
    writer = _writer(root)
    writer.write(TOPIC, 0, [b"v"])
    folder = root / TOPIC / "00000"
    folder.rmdir()
    folder.write_text("a file where the folder was")
    with pytest.raises(HeadraceError, match=rf"{folder} cannot be written \(Not a directory\); make room"):
        writer.flush()


def test_a_broken_topic_file_is_one_sentence(root: Path) -> None:
    _write(root, 1)
    (root / TOPIC / "topic.json").write_text("{")
    with pytest.raises(HeadraceError, match=r"topic\.json cannot be read .*restore it"):
        FileLog(root).partitions(TOPIC)
    (root / TOPIC / "topic.json").write_text('{"partitions": 1, "layout": 2}')
    with pytest.raises(HeadraceError, match="layout that this version does not know"):
        FileLog(root).partitions(TOPIC)


def test_values_come_as_slices_of_one_segment(root: Path) -> None:
    _write(root, 10)
    reader = FileLog(root).open(TOPIC, 0, 4)
    batch = reader.read(3)
    assert batch is not None
    assert batch.values == [b"value 4", b"value 5", b"value 6"]
    assert batch.offsets.dtype == batch.append_ms.dtype == np.int64
