"""The walk over many values at once: what it calls whole can be read, and what is right is whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec_header import single_object
from schemas.codec_walk import Walk, reach
from schemas.codec_wire import Wire
from schemas.records import avro_schema, fingerprint
from tests.schemas.avro_values import framed, values_of
from tests.schemas.test_codec_bad import mutated

HEADER_BYTES = 10
RECORDS = ["Interaction", "Post", "Served", "Training", "Follow", "User"]


def whole(wire: Wire, values: list[bytes]) -> list[bool]:
    ends = np.cumsum([len(value) for value in values])
    starts = np.concatenate(([0], ends[:-1])) + HEADER_BYTES
    mask: list[bool] = Walk(b"".join(values), reach(wire.record)).whole(wire.record, starts, ends).tolist()
    return mask


def wire_of(record: str) -> Wire:
    return Wire(avro_schema(record), single_object(fingerprint(avro_schema(record))))


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=60)
@given(data=st.data())
def test_every_right_value_is_whole(record: str, data: st.DataObject) -> None:
    schema = avro_schema(record)
    values = [framed(schema, row) for row in data.draw(st.lists(values_of(schema), min_size=1, max_size=6))]
    assert all(whole(wire_of(record), values))


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=100)
@given(data=st.data())
def test_a_whole_value_can_be_read_and_a_broken_one_is_not_whole(record: str, data: st.DataObject) -> None:
    schema, wire = avro_schema(record), wire_of(record)
    good = [framed(schema, row) for row in data.draw(st.lists(values_of(schema), min_size=1, max_size=6))]
    values = [mutated(value, data.draw(st.integers(0, 2**32))) for value in good]
    values = [value if value[:HEADER_BYTES] == good[0][:HEADER_BYTES] else good[0] for value in values]
    for value, said in zip(values, whole(wire, values), strict=True):
        assert not said or wire.read([value]) is not None


def test_a_right_value_of_very_many_items_is_left_to_the_judge() -> None:
    schema = avro_schema("User")
    row = {"user_id": 1, "country": "de", "language": "de", "created_ms": 2, "interests": [], "at_ms": 3}
    few, many = (framed(schema, row | {"interests": ["x"] * count}) for count in (1000, 2000))
    assert whole(wire_of("User"), [few, many, few]) == [True, False, True]
