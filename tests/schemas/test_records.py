"""Records: their versions, fingerprints and columns."""

import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from schemas.errors import UsageError
from schemas.records import (
    RECORDS,
    arrow_schema,
    avro_schema,
    batch_schema,
    enum_symbols,
    fingerprint,
    load_extra,
    versions,
)

FOLDER = Path(__file__).parents[2] / "schemas" / "avro"


def crc_64_avro(text: str) -> int:
    """As the Avro specification writes it."""
    empty = 0xC15D213AA4D7A795
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (empty & -(value & 1))
        table.append(value)
    crc = empty
    for byte in text.encode():
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def test_the_specifications_own_fingerprints() -> None:
    assert crc_64_avro('"null"') == 0x63DD24E7CC258F8A
    assert crc_64_avro('"int"') == 0x7275D51A3F395C8F


@pytest.mark.parametrize("record", RECORDS)
def test_a_fingerprint_is_the_crc_in_little_endian(record: str) -> None:
    for schema in versions(record):
        canonical = fastavro.schema.to_parsing_canonical_form(schema)
        assert fingerprint(schema) == crc_64_avro(canonical).to_bytes(8, "little")


def test_no_two_schemas_share_a_fingerprint() -> None:
    marks = [fingerprint(schema) for record in RECORDS for schema in versions(record)]
    assert len(set(marks)) == len(marks)


def test_each_record_has_its_files_numbered_from_one() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(RECORDS)
    for record in RECORDS:
        names = {path.name for path in (FOLDER / record).iterdir()}
        assert names == {f"{number}.avsc" for number in range(1, len(names) + 1)}


@pytest.mark.parametrize("record", RECORDS)
def test_ids_and_times_are_longs_and_nullable_fields_default_to_null(record: str) -> None:
    schema = avro_schema(record)
    assert (schema["name"], schema["namespace"]) == (record, "headrace")
    for field in schema["fields"]:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        if field["name"].endswith("_id") or (field["name"].endswith("_ms") and field["name"] != "dwell_ms"):
            assert kinds[-1] == "long", field
        assert len(kinds) == 1 or (kinds[0] == "null" and field["default"] is None), field


def test_interactions_have_the_promised_fields_and_codes() -> None:
    assert " ".join(arrow_schema("Interaction").names) == (
        "event_id type user_id post_id author_id content_type region request_id position dwell_ms surface at_ms"
    )
    assert enum_symbols("Interaction", "type") == (
        *("impression", "click", "like", "comment", "share", "save", "hide", "report", "dwell", "mute"),
        *("unlike", "unhide", "unmute"),
    )


def test_columns_have_the_types_of_the_fields() -> None:
    columns = arrow_schema("Interaction")
    assert columns.field("type").type == pa.dictionary(pa.int8(), pa.string())
    assert (columns.field("user_id").type, columns.field("user_id").nullable) == (pa.int64(), False)
    assert (columns.field("position").type, columns.field("position").nullable) == (pa.int32(), True)
    assert arrow_schema("Follow").field("weight").type == pa.float32()
    assert pa.types.is_map(arrow_schema("Served").field("arms").type)


def test_a_batch_has_a_version_for_each_version_of_its_records() -> None:
    assert versions("InteractionBatch") == [
        batch_schema("InteractionBatch", schema) for schema in versions("Interaction")
    ]


def test_an_unknown_record_is_named() -> None:
    with pytest.raises(UsageError, match="no record 'Interactions'; the records are Post, Follow"):
        avro_schema("Interactions")


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_extra_schemas_are_loaded_by_record(tmp_path: Path) -> None:
    newer = {**avro_schema("Post"), "doc": "newer"}
    write(tmp_path, "b.avsc", {**newer, "namespace": "elsewhere"})
    write(tmp_path, "a.avsc", newer)
    write(tmp_path, "c.avsc", avro_schema("InteractionBatch"))
    write(tmp_path, "notes.txt", "not a schema")
    assert load_extra(tmp_path) == {
        "Post": [newer, {**newer, "namespace": "elsewhere"}],
        "Interaction": [avro_schema("InteractionBatch")],
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "can't be read"),
        (
            {"type": "record", "name": "Invoice", "fields": []},
            "describes 'Invoice', which is none of the records",
        ),
        ([], "describes None"),
        (
            {"type": "record", "name": "Post", "fields": [{"name": "a", "type": "lung"}]},
            "no valid Avro schema",
        ),
    ],
)
def test_a_wrong_extra_schema_is_named(tmp_path: Path, content: Any, complaint: str) -> None:
    write(tmp_path, "x.avsc", content)
    with pytest.raises(UsageError, match=complaint):
        load_extra(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        load_extra(tmp_path / "nowhere")
