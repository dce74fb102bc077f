"""The list of all settings with their types and meaning, walked from the fields of `Settings`."""

import functools
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import fields

from schemas.secret import Secret
from schemas.settings_fields import Settings

KAFKA = "kafka"
"""The one setting that is a table of free names."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: dotted name, declared type (with limits), default, meaning, what is allowed in words."""

    name: str
    type: Any
    default: Any
    doc: str
    allowed: str
    fixed: bool
    secret: bool

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return variable(self.name)


def variable(name: str) -> str:
    """The environment variable of a setting, or of a librdkafka setting by its name after `kafka.`.

    >>> variable("tiers.mid"), variable("kafka.sasl.password")
    ('HEADRACE_TIERS__MID', 'HEADRACE_KAFKA__SASL_PASSWORD')
    """
    table, _, rest = name.upper().partition(".")
    return f"HEADRACE_{table}__{rest.replace('.', '_')}" if rest else f"HEADRACE_{table}"


@functools.cache
def settings_table() -> dict[str, Setting]:
    """Every setting by dotted name, in the order in which they are documented.

    >>> settings_table()["tiers.mid"].default
    50000
    """
    return {setting.name: setting for setting in _walk(Settings, "")}


def value_of(settings: Settings, name: str) -> Any:
    """The value of a setting by its dotted name."""
    return functools.reduce(getattr, name.split("."), settings)


def _walk(struct: type[Struct], prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for field in fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            found += _walk(field.type, f"{prefix}{field.name}.")
            continue
        plain, *metas = get_args(field.type)
        meta: Meta = metas[-1]
        limits = {
            name: getattr(part, name)
            for part in metas
            for name in ("ge", "gt", "le")
            if getattr(part, name) is not None
        }
        extra = meta.extra or {}
        found.append(
            Setting(
                name=prefix + field.name,
                type=field.type,
                default=field.default if field.name != KAFKA else {},
                doc=meta.description or "",
                allowed=extra["allowed"] or _in_words(plain, limits),
                fixed=extra["fixed"],
                secret=Secret in get_args(plain),
            )
        )
    return found


def _in_words(plain: Any, limits: dict[str, Any]) -> str:
    if get_origin(plain) is Literal:
        return " or ".join(get_args(plain))
    if plain not in (int, float):
        return "a table" if get_origin(plain) is dict else "a text"
    words = "a whole number" if plain is int else "a number"
    low, high = limits.get("ge"), limits.get("le")
    if "gt" in limits:
        return f"{words} above {limits['gt']}"
    if low is not None:
        return f"{words} from {low} to {high}" if high is not None else f"{words} of at least {low}"
    return words
