"""The dead letters in a log, read by the public interface of readers and decoded by fastavro."""

import io
import time
from typing import Any

import fastavro

from schemas.records import avro_schema
from sources.open_log import open_log
from tests.flows.harness import Place

Letter = dict[str, Any]


def dead_letters(place: Place) -> list[Letter]:
    """All of them, by partition and offset of what they came from; none if there is no such topic."""
    schema = fastavro.parse_schema(avro_schema("DeadLetter"))
    log = open_log(place.settings)
    found: list[Letter] = []
    for partition, end in enumerate(log.ends("dead_letters")):
        reader = log.open("dead_letters", partition, None, end)
        deadline = time.monotonic() + 30
        while not reader.done:
            assert time.monotonic() < deadline, "the dead letters could not be read"
            batch = reader.read(1000)
            for value in batch.values if batch else ():
                assert value is not None
                letter = fastavro.schemaless_reader(io.BytesIO(value[10:]), schema)
                assert isinstance(letter, dict)
                found.append(letter)
        reader.close()
    log.close()
    return sorted(found, key=lambda letter: (letter["partition"], letter["offset"]))
