"""Records that were set aside, into the topic `dead_letters` of the log that they came from."""

import logging
from collections.abc import Sequence
from typing import Final, Self

import pyarrow as pa

from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.frame import DeadLetters
from schemas.records import arrow_schema
from schemas.settings import Settings
from sinks.log import LogWriter
from sinks.open_writer import open_writer

TOPIC: Final = "dead_letters"
RECORD: Final = "DeadLetter"
LONGEST_VALUE: Final = 65_536
LONGEST_KEY: Final = 1_024
LONGEST_DETAIL: Final = 1_000

log = logging.getLogger(__name__)


class DeadLetterSink:
    """Writes dead letters; each lies in the partition with the number of the one that it came from.

    After a crash some may be written again: topic, partition and offset tell that they are the same. A value longer
    than 64 KiB is cut, and the detail says so; a key is cut at 1 KiB.
    """

    def __init__(self, writer: LogWriter, flow: str, codec: Codec) -> None:
        self._writer = writer
        self._flow = flow
        self._codec = codec

    @classmethod
    def from_settings(cls, settings: Settings, flow: str, codec: Codec | None = None) -> Self:
        """The sink of a deployment; makes the topic if it is not there. Without `codec`: single-object encoding."""
        writer = open_writer(settings)
        writer.create([TOPIC], settings.partitions)
        return cls(writer, flow, codec or Codec(RECORD))

    def write(self, letters: Sequence[DeadLetters]) -> None:
        """Hand over; raises `HeadraceError` when the log refuses."""
        for letter in letters:
            rows = self._rows(letter)
            keys = [letter.topic.encode()] * rows.num_rows
            self._writer.write(TOPIC, letter.partition, self._codec.encode(rows), keys)

    def flush(self) -> None:
        """Return when every dead letter is durable; raises `HeadraceError` unless all are."""
        self._writer.flush()

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long for a log that is away."""
        self._writer.hurry(seconds)

    def close(self) -> None:
        """Flush once more, so that whoever looks for the reason of a stop finds it, and let go."""
        try:
            self._writer.flush()
        except HeadraceError as error:
            log.warning("the latest dead letters could not be written, they come again: %s", error)
        finally:
            self._writer.close()

    def _rows(self, letter: DeadLetters) -> pa.RecordBatch:
        values = [None if value is None else value[:LONGEST_VALUE] for value in letter.values]
        columns = {
            "topic": [letter.topic] * len(letter),
            "partition": [letter.partition] * len(letter),
            "offset": list(letter.offsets),
            "reason": list(letter.reasons),
            "detail": [
                detail[:LONGEST_DETAIL]
                if value is None or len(value) <= LONGEST_VALUE
                else f"{detail[:LONGEST_DETAIL]}; cut from {len(value)} bytes"
                for detail, value in zip(letter.details, letter.values, strict=True)
            ],
            "flow": [self._flow] * len(letter),
            "key": [None if key is None else key[:LONGEST_KEY] for key in letter.keys],
            "value": values,
            "at_ms": list(letter.at_ms),
        }
        schema = arrow_schema(RECORD)
        return pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in schema], schema=schema
        )
