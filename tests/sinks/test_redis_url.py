import pytest

from schemas.errors import UsageError
from sinks.redis_url import Address, parse


def test_a_server_by_tcp() -> None:
    address = parse("redis://feed:s%2Fe%40cret@cache.example:6380/2")
    assert (address.host, address.port, address.user, address.database) == ("cache.example", 6380, "feed", 2)
    assert address.password is not None
    assert address.password.reveal() == "s/e@cret"
    assert not address.tls
    assert parse("redis://cache").port == 6379


def test_a_unix_socket() -> None:
    address = parse("unix://:pw@/run/redis/my%20redis.sock?db=3")
    assert (address.path, address.database) == ("/run/redis/my redis.sock", 3)
    assert str(address) == "unix:///run/redis/my redis.sock"


def test_tls_with_its_files() -> None:
    address = parse("rediss://cache:1?ssl_ca_certs=/etc/ca.pem&db=1")
    assert address == Address(
        host="cache", port=1, tls=True, database=1, options={"ssl_ca_certs": "/etc/ca.pem"}
    )


def test_the_password_is_never_shown() -> None:
    address = parse("redis://:hunter2@cache")
    assert "hunter2" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "url",
    ["http://cache", "redis://cache:port", "redis://cache/zero", "unix://", "cache:6379", "redis://[::1"],
)
def test_anything_else_is_one_sentence(url: str) -> None:
    with pytest.raises(UsageError, match="must be redis://host:port/db"):
        parse(url)


def test_a_cluster_is_named_as_not_supported() -> None:
    with pytest.raises(UsageError, match="Redis Cluster is not supported yet"):
        parse("redis+cluster://cache:6379")
