"""Where Redis is, read from its URL."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.errors import UsageError
from schemas.secret import Secret


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis server: a unix socket at `path`, or `host` and `port`. `str` gives it without the password."""

    path: str = ""
    host: str = "localhost"
    port: int = 6379
    tls: bool = False
    user: str = ""
    password: Secret | None = None
    database: int = 0
    options: dict[str, str] = field(default_factory=dict)
    """`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`: files of the certificates for TLS."""

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}"


def parse(url: str) -> Address:
    """Read `redis://`, `rediss://` or `unix://`; raises `UsageError` for anything else, without the password.

    >>> str(parse("redis://:secret@cache:6380/2"))
    'redis://cache:6380'
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        database = options.pop("db", None) or (parts.path.strip("/") if parts.scheme != "unix" else "") or "0"
        if parts.scheme == "redis+cluster":
            raise UsageError(
                "Redis Cluster is not supported yet: use a redis://, rediss:// or unix:// server"
            )
        if parts.scheme not in ("redis", "rediss", "unix") or (parts.scheme == "unix" and not parts.path):
            raise ValueError
        return Address(
            path=unquote(parts.path) if parts.scheme == "unix" else "",
            host=parts.hostname or "localhost",
            port=parts.port or 6379,
            tls=parts.scheme == "rediss",
            user=unquote(parts.username or ""),
            password=Secret(unquote(parts.password)) if parts.password else None,
            database=int(database),
            options=options,
        )
    except ValueError:
        raise UsageError(
            "the URL of Redis must be redis://host:port/db, rediss://host:port/db or unix:///path"
        ) from None
