"""A registered schema that names types of other subjects, as one schema that has them all."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

MOST_REFERENCES: Final = 32
"""Schemas that one schema may name, theirs included."""

Referenced = Callable[[str, int], dict[str, Any] | None]
"""What the registry says of one version of a subject, None if it has none."""


class _UnusableError(Exception):
    """The message says why there is no such schema."""


def inlined(schema: Any, references: Any, referenced: Referenced) -> Any:
    """`schema` with each type that it names by reference written out where it is first used.

    A text says why that can't be done. Errors of `referenced` pass through.
    """
    try:
        types = dict(_types(references, referenced, []))
        return _written_out(schema, types, set())
    except _UnusableError as error:
        return str(error)
    except RecursionError:
        return "its types are nested too deep"


def _types(references: Any, referenced: Referenced, seen: list[tuple[str, int]]) -> Sequence[tuple[str, Any]]:
    """The schemas that these references lead to, by the name of the type."""
    found: list[tuple[str, Any]] = []
    if not isinstance(references, list):
        raise _UnusableError("its references are no list")
    for reference in references:
        match reference:
            case {"name": str(name), "subject": str(subject), "version": int(version)}:
                place = (subject, version)
            case _:
                raise _UnusableError("one of its references has no name, subject or version")
        if place in seen:
            continue
        seen.append(place)
        if len(seen) > MOST_REFERENCES:
            raise _UnusableError(f"it leads to more than {MOST_REFERENCES} other schemas")
        content = referenced(subject, version)
        if content is None:
            raise _UnusableError(f"the registry lacks version {version} of {subject}, which it names")
        try:
            schema = json.loads(content["schema"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise _UnusableError(f"version {version} of {subject}, which it names, is no JSON") from None
        found += _types(content.get("references") or [], referenced, seen)
        found.append((name, schema))
    return found


def _written_out(avro: Any, types: dict[str, Any], done: set[str]) -> Any:
    match avro:
        case str() if avro in types and avro not in done:
            done.add(avro)
            return _written_out(types[avro], types, done)
        case list():
            return [_written_out(branch, types, done) for branch in avro]
        case {"fields": list(fields)}:
            return {**avro, "fields": [_field_written_out(field, types, done) for field in fields]}
        case dict():
            inner = {
                key: _written_out(avro[key], types, done)
                for key in ("type", "items", "values")
                if key in avro
            }
            return {**avro, **inner}
    return avro


def _field_written_out(field: Any, types: dict[str, Any], done: set[str]) -> Any:
    if not isinstance(field, dict) or "type" not in field:
        return field
    return {**field, "type": _written_out(field["type"], types, done)}
