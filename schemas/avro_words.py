"""Avro types in the words of a reader who has never met Avro."""

from typing import Any


def type_in_words(avro: Any) -> str:
    """What a field holds.

    >>> type_in_words(["null", {"type": "array", "items": "string"}])
    'array of string, or null'
    >>> type_in_words({"type": "enum", "name": "Op", "symbols": ["create", "delete"]})
    'create | delete'
    """
    if isinstance(avro, str):
        return avro
    if isinstance(avro, list):
        others = " or ".join(type_in_words(branch) for branch in avro if branch != "null")
        return f"{others}, or null" if "null" in avro else others
    match avro["type"]:
        case "enum":
            return " | ".join(avro["symbols"])
        case "array":
            return f"array of {type_in_words(avro['items'])}"
        case "map":
            return f"map of {type_in_words(avro['values'])}"
        case "record":
            fields = (f"{field['name']}: {type_in_words(field['type'])}" for field in avro["fields"])
            return "{ " + "; ".join(fields) + " }"
        case inner:
            return type_in_words(inner)
