"""The bytes before a record that say which schema it was written with: two forms, told apart by their first byte.

Avro's single-object encoding: C3 01, the 8-byte fingerprint of the schema. Confluent's wire format: 00, the number
that a schema registry has given to the schema, as 4 bytes, big-endian.
"""

from dataclasses import dataclass
from typing import Final

SINGLE_OBJECT: Final = b"\xc3\x01"
CONFLUENT: Final = b"\0"

FINGERPRINT_BYTES: Final = 8
ID_BYTES: Final = 4
LARGEST_ID: Final = (1 << 31) - 1
LEAST_BYTES: Final = len(CONFLUENT) + ID_BYTES
"""Of the shorter form."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header: `marker` says which form it is, `mark` which schema."""

    marker: bytes
    mark: bytes

    @property
    def bytes(self) -> bytes:
        """All of it."""
        return self.marker + self.mark

    def __len__(self) -> int:
        return len(self.marker) + len(self.mark)


def single_object(fingerprint: bytes) -> Header:
    """The header of a schema with this fingerprint (see `schemas.records.fingerprint`)."""
    return Header(SINGLE_OBJECT, fingerprint)


def confluent(schema_id: int) -> Header:
    """The header of the schema with this id in a registry.

    >>> confluent(258).bytes.hex()
    '0000000102'
    """
    return Header(CONFLUENT, schema_id.to_bytes(ID_BYTES, "big"))


def header_of(value: bytes) -> bytes:
    """The bytes of a value that should be its header; fewer where it is too short for one."""
    marker, mark = (CONFLUENT, ID_BYTES) if value[:1] == CONFLUENT else (SINGLE_OBJECT, FINGERPRINT_BYTES)
    return value[: len(marker) + mark]


def schema_id(header: bytes) -> int | None:
    """The id in the header of a value in Confluent's form, which a registry may know; None for any other value."""
    if header[:1] != CONFLUENT or len(header) != LEAST_BYTES:
        return None
    number = int.from_bytes(header[1:], "big")
    return number if number <= LARGEST_ID else None


def what_is_wrong(value: bytes) -> str:
    """A sentence for a value whose header is none of a known schema."""
    header = header_of(value)
    if not value:
        return "The value is empty."
    if header[:1] == CONFLUENT:
        if len(header) < LEAST_BYTES:
            return f"The value has {len(value)} bytes, too few for the header of Confluent's wire format."
        number = int.from_bytes(header[1:], "big")
        why = "no schema registry is set" if number <= LARGEST_ID else "no registry gives such a number"
        return f"The value has the schema id {number}, as in Confluent's wire format, and {why}."
    if len(header) < len(SINGLE_OBJECT) + FINGERPRINT_BYTES:
        return f"The value has {len(value)} bytes, too few for the header of Avro's single-object encoding."
    if not header.startswith(SINGLE_OBJECT):
        return f"The value starts with {value[:2].hex()}, not with c301 as in Avro's single-object encoding."
    return f"No known schema has the fingerprint {header[2:].hex()}."
