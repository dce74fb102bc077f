"""Keeps secrets apart from what may be printed: they come from the environment or a file of their own."""

from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from schemas.errors import UsageError
from schemas.secret import Secret
from schemas.settings_given import Given
from schemas.settings_table import variable

_SECRET_WORDS = ("password", "passphrase", "secret", "private.key", "key.pem", "ssl_key")


def secret_value(name: str, given: Given) -> Secret:
    """A secret setting; `UsageError` if it stands in a settings file."""
    if given.in_file:
        raise _in_settings_file(name, given.origin, variable(name), f"{name}_file")
    return Secret(str(given.value))


def secret_from_file(name: str, given: Given) -> Secret:
    """What the named file holds, without the line end; `UsageError` if it can't be read."""
    try:
        return Secret(Path(str(given.value)).read_text("utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the file that {name} (from {given.origin}) names can't be read: {error}") from None


def librdkafka_value(name: str, given: Given) -> str | int | float | bool | Secret:
    """The value of `kafka.<name>`, a `Secret` where its name says so; a name that ends in `_file` is read."""
    if name.endswith("_file"):
        return secret_from_file(name, given)
    if any(word in name for word in _SECRET_WORDS):
        return secret_value(name, given)
    value = given.value
    if not isinstance(value, str | int | float | bool):
        raise UsageError(f"{name} = {value!r} (from {given.origin}) must be a text, a number or a boolean")
    return value


def redis_without_password(url: str, given: Given) -> tuple[str, Secret | None]:
    """The URL as it may be printed, and its password; `UsageError` for a password in a settings file."""
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    if "password=" in parts.query:
        raise UsageError(
            f"redis (from {given.origin}) has its password after the question mark; write redis://:PASSWORD@host "
            f"or set {variable('redis_password')}"
        )
    if not password:
        return url, None
    if given.in_file:
        name = "the password in redis"
        raise _in_settings_file(name, given.origin, variable("redis_password"), "redis_password_file")
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host)), Secret(unquote(password))


def _in_settings_file(name: str, origin: str, by_variable: str, by_file: str) -> UsageError:
    return UsageError(
        f"{name} is a secret and may not stand in {origin}; "
        f"set {by_variable}, or {by_file} to the path of a file that holds it"
    )
