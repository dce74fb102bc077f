"""The writers whose values a codec reads, by the header of their values; some are learnt from a schema registry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from schemas.avro_bounds import sound_schema
from schemas.codec_header import confluent, header_of, schema_id, what_is_wrong
from schemas.codec_writer import Writer
from schemas.errors import UsageError
from schemas.records import BATCHED, AvroSchema, avro_schema, batch_schema, versions


class SchemaSource(Protocol):
    """Where the schemas of Confluent's wire format come from: a schema registry, whoever asks it."""

    def schema(self, schema_id: int) -> AvroSchema | str | None:
        """The schema with this id, as it was registered: it may be anything.

        A text says why there is none of Avro; None says that the registry doesn't know the id. Raises HeadraceError
        when the registry can't be asked.
        """


class KnownWriters:
    """The writers of one record type: kept versions, `known` ones, and what `source` knows by id.

    `ids` are schema ids, by record, of the schemas that are written now (see `schemas.codec`). Raises UsageError for a
    kept or known writer that can't be resolved into the current schema.
    """

    def __init__(
        self,
        record: str,
        known: Sequence[AvroSchema],
        source: SchemaSource | None,
        ids: Mapping[str, int],
    ) -> None:
        self._record = record
        self._batch_record = BATCHED.get(record, "")
        self._source = source
        self._by_header: dict[bytes, Writer] = {}
        self._refused: dict[bytes, str] = {}
        self.current = Writer(avro_schema(record), record)
        self.batch: Writer | None = None
        for schema in [*reversed(versions(record)), *known]:
            if unqualified(schema) == self._batch_record:
                self._add_batch(schema, Writer(_carried(schema, record), record))
                continue
            writer = self._added(Writer(schema, record))
            if self._batch_record:
                self._add_batch(batch_schema(self._batch_record, schema), writer)
        if record in ids:
            header = confluent(ids[record])
            self.current = self._added(Writer(avro_schema(record), record, header=header))
        if self._batch_record in ids:
            header = confluent(ids[self._batch_record])
            item = Writer(avro_schema(record), record)
            self.batch = self._added(Writer(avro_schema(self._batch_record), record, item, header))

    def __iter__(self) -> Iterator[Writer]:
        return iter(self._by_header.values())

    @property
    def reach(self) -> int:
        """The largest `reach` of the types that are walked (see `codec_walk`)."""
        return max((writer.wire.reach for writer in self if writer.wire), default=0)

    def first_of(self, value: bytes) -> Writer:
        """Who wrote `value`, as far as is known without asking; else the current writer."""
        return self._by_header.get(header_of(value), self.current)

    def of(self, value: bytes) -> Writer | str:
        """Who wrote `value`, or a sentence that says why its header names no writer of this record.

        Raises HeadraceError when the schema registry can't be asked.
        """
        header = header_of(value)
        writer = self._by_header.get(header)
        return writer or self._learnt(header) or what_is_wrong(value)

    def learn(self, headers: Iterable[bytes]) -> list[Writer]:
        """Ask for `headers` of Confluent's form, all of them new, and return the writers that there are.

        Raises HeadraceError as `of` does.
        """
        found = map(self._learnt, headers)
        return [writer for writer in found if isinstance(writer, Writer)]

    def _learnt(self, header: bytes) -> Writer | str | None:
        """What the registry makes of a header that is not known; None if it is not for the registry."""
        number = schema_id(header)
        if self._source is None or number is None:
            return None
        if header in self._refused:
            return self._refused[header]
        schema = self._source.schema(number)
        if schema is None:  # not for ever: the source says for how long
            return f"The schema registry knows no schema with the id {number}."
        try:
            if isinstance(schema, str):
                raise UsageError(schema)
            return self._added(self._registered(schema, number))
        except UsageError as error:
            self._refused[header] = (
                f"The schema with the id {number} can't be read as {self._record}: {error}."
            )
            return self._refused[header]

    def _registered(self, schema: AvroSchema, number: int) -> Writer:
        schema = sound_schema(schema)
        if unqualified(schema) == self._record:
            return Writer(schema, self._record, header=confluent(number))
        if self._batch_record and unqualified(schema) == self._batch_record:
            return Writer(
                schema, self._record, Writer(_carried(schema, self._record), self._record), confluent(number)
            )
        raise UsageError(f"it describes {schema['name']}")

    def _added(self, writer: Writer) -> Writer:
        return self._by_header.setdefault(writer.header.bytes, writer)

    def _add_batch(self, schema: AvroSchema, item: Writer) -> None:
        writer = self._added(Writer(schema, self._record, item))
        self.batch = self.batch or writer


def unqualified(schema: AvroSchema) -> str:
    """The name of a record without its namespace, as far as resolution looks at it."""
    return str(schema["name"]).rpartition(".")[2]


def _carried(batch: AvroSchema, record: str) -> AvroSchema:
    match batch:
        case {"fields": [{"type": {"type": "array", "items": {"type": "record", "name": str(name)}}}]}:
            item: AvroSchema = batch["fields"][0]["type"]["items"]
            if name.rpartition(".")[2] == record:
                return item
    raise UsageError(
        f"a schema of {batch['name']} has another field than one array of {record}; it can't be read"
    )
