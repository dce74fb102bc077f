"""Settings as text: a commented TOML file that gives the same settings when it is read."""

import json
import textwrap
from typing import Any

from schemas.secret import Secret
from schemas.settings_fields import Settings
from schemas.settings_table import KAFKA, Setting, settings_table, value_of

_HEAD = """\
# Settings of headrace. Each can also be set by the variable that is named with it, which goes before this file;
# options of a command go before both. Secrets never stand here: set their variable, or name a file that holds them.
"""

_KAFKA_HEAD = """\
# Any setting of librdkafka, passed through, such as "security.protocol" = "SASL_SSL". Variables have underscores for
# the dots: HEADRACE_KAFKA__SECURITY_PROTOCOL. Secrets: HEADRACE_KAFKA__SASL_PASSWORD, or "sasl.password_file" = "...".
[kafka]"""


def to_toml(settings: Settings) -> str:
    """The settings as TOML, without their secrets, each with its meaning, what is allowed, and its variable."""
    lines = [_HEAD]
    table = ""
    for setting in settings_table().values():
        before, _, name = setting.name.rpartition(".")
        if setting.name == KAFKA:
            continue
        if before != table:
            lines.append(f"[{before}]")
            table = before
        lines.append(_comment(setting))
        if not setting.secret:
            lines.append(f"{name} = {_value(value_of(settings, setting.name))}\n")
    lines.append(_KAFKA_HEAD)
    for name, value in settings.kafka.items():
        hidden = isinstance(value, Secret)
        lines.append(
            f"# {json.dumps(name)} is a secret" if hidden else f"{json.dumps(name)} = {_value(value)}"
        )
    return "\n".join(lines) + "\n"


def _comment(setting: Setting) -> str:
    if setting.secret:
        text = f"{setting.doc[0].upper()}{setting.doc[1:]}.\n"
    else:
        text = f"{setting.doc[0].upper()}{setting.doc[1:]}. Allowed: {setting.allowed}. {setting.variable}"
    return textwrap.fill(text, 110, initial_indent="# ", subsequent_indent="# ") + (
        "\n" if setting.secret else ""
    )


def _value(value: Any) -> str:
    """JSON's texts, numbers and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
