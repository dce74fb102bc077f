import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from schemas.effects import Effect, Erase, Trending, VectorSet
from schemas.errors import HeadraceError
from sinks.redis import RedisSink
from sinks.redis_url import Address, parse
from sinks.resp import ROWS, Encoder
from tests.services.redis import Redis

TTL_S = {"post": 800, "author": 4000, "user": 4000}
ENCODER = Encoder("", 1, TTL_S)


def vectors(ids: range | list[int], value: float, *, expiry: bool = False, entity: str = "post") -> VectorSet:
    count = len(ids)
    return VectorSet(
        entity,
        np.array(ids, np.int64),
        np.full(count, 1_000),
        np.full((count, 2), value, np.float32),
        np.full(count, expiry, np.bool_),
    )


def value_of(client: Any, key: str) -> float | None:
    packed = client.get(key)
    return None if packed is None else float(np.frombuffer(packed, "<f4")[-1])


@pytest.fixture
def open_sink() -> Iterator[Callable[..., RedisSink]]:
    opened: list[RedisSink] = []

    def one(where: str | Address, **options: Any) -> RedisSink:
        address = parse(where) if isinstance(where, str) else where
        opened.append(RedisSink(address, ENCODER, **options))
        return opened[-1]

    yield one
    for sink in opened:
        sink.close()


def test_what_was_flushed_is_there(open_sink: Callable[..., RedisSink], redis_url: str) -> None:
    sink = open_sink(redis_url)
    sink.write([vectors([-5, 0, 123_456], 1.5), vectors([7], 2.5, entity="user")])
    sink.write([Trending("all", np.array([3, 1]), np.array([20.0, 10.0]))])
    sink.flush()
    client: Any = redis.Redis.from_url(redis_url)
    assert {key: value_of(client, key) for key in client.scan_iter("features:*")} == {
        b"features:post:-5": 1.5,
        b"features:post:0": 1.5,
        b"features:post:123456": 1.5,
        b"features:user:{7}": 2.5,
    }
    assert client.zrange("trending:all", 0, -1, withscores=True) == [(b"1", 10.0), (b"3", 20.0)]
    assert 790 <= client.ttl("features:post:0") <= 800
    assert sink.commands == 4 + 4
    assert sink.round_trips >= 2


def test_over_tcp_with_a_password_and_a_database(open_sink: Callable[..., RedisSink]) -> None:
    with Redis(password="hunter2") as server:
        sink = open_sink(f"{server.tcp_url}/3")
        sink.write([vectors(range(3 * ROWS), 1.0)])
        sink.flush()
        with server.client() as client:
            client.select(3)
            assert client.dbsize() == 3 * ROWS


def test_an_expiry_replaces_and_never_revives(open_sink: Callable[..., RedisSink], redis_url: str) -> None:
    sink = open_sink(redis_url)
    sink.write([vectors([1], 1.0)])
    sink.flush()
    sink.write([vectors([1, 2], 0.0, expiry=True)])
    sink.flush()
    client: Any = redis.Redis.from_url(redis_url)
    assert value_of(client, "features:post:1") == 0.0
    assert client.exists("features:post:2") == 0


def test_erasing_removes_and_an_empty_list_goes(open_sink: Callable[..., RedisSink], redis_url: str) -> None:
    sink = open_sink(redis_url)
    sink.write([vectors([1, 2], 1.0, entity="user"), Trending("br", np.array([3]), np.array([1.0]))])
    sink.flush()
    gone: list[Effect] = [Erase("user", np.array([1])), Trending("br", np.array([], np.int64), np.array([]))]
    sink.write(gone)
    sink.flush()
    assert list(redis.Redis.from_url(redis_url).scan_iter()) == [b"features:user:{2}"]


def test_what_waits_is_sent_once_a_key(open_sink: Callable[..., RedisSink], private_redis: Redis) -> None:
    sink = open_sink(private_redis.url)
    sink.write([vectors([0], 0.0)])
    sink.flush()
    private_redis.process.pause()
    sink.write([vectors([0], 1.0)])
    wait_until(lambda: not sink.pending._came)  # the thread has taken the first and waits for its reply
    for number in range(50):
        sink.write([vectors(range(10), float(number), expiry=number > 0)])
    private_redis.process.resume()
    sink.flush()
    assert sink.commands == 1 + 1 + 10
    with private_redis.client() as client:
        assert value_of(client, "features:post:9") == 49.0


def wait_until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not true():
        pause.wait(0.001)


def test_the_acknowledged_are_told(open_sink: Callable[..., RedisSink], redis_url: str) -> None:
    told: list[Effect] = []
    sink = open_sink(redis_url, on_acknowledged=told.extend)
    effect = vectors([1], 1.0)
    sink.write([effect])
    sink.flush()
    assert told == [effect]


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_a_restart_in_the_middle_loses_nothing_that_was_unacknowledged(
    open_sink: Callable[..., RedisSink], private_redis: Redis, way: str
) -> None:
    sink = open_sink(private_redis.url)
    sink.write([vectors(range(1000), 0.0)])
    sink.flush()
    getattr(private_redis, way)()
    for number in range(20):
        sink.write([vectors(range(number * 100, number * 100 + 1000), float(number))])
    wait_until(lambda: sink.retries >= 3)
    private_redis.start()
    sink.flush()
    with private_redis.client() as client:
        assert client.dbsize() == 2900
        assert value_of(client, "features:post:1999") == 19.0
    assert sink.server_changes == 1


def test_stopped_for_longer_than_the_time_out_it_goes_on_in_order(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    sink = open_sink(private_redis.url, timeout_ms=100)
    for number in range(30):
        sink.write([vectors(range(20_000), float(number))])
    private_redis.process.pause()
    sink.write([vectors(range(20_000), 30.0)])
    wait_until(lambda: sink.retries >= 3)
    private_redis.process.resume()
    sink.flush()
    sink.write([vectors(range(20_000), 31.0)])
    sink.flush()
    with private_redis.client() as client:
        values = {value_of(client, f"features:post:{number}") for number in range(0, 20_000, 97)}
        assert client.info("clients")["connected_clients"] == 2
    assert values == {31.0}
    assert sink.server_changes == 0


def test_a_redis_that_stays_away_is_one_sentence(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    private_redis.kill()
    sink = open_sink(f"redis://:hunter2@127.0.0.1:{private_redis.port}", retry_ms=300)
    sink.write([vectors([1], 1.0)])
    with pytest.raises(HeadraceError, match=r"did not answer for 0.3 s .*refused.*: start it") as caught:
        sink.flush()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(HeadraceError, match="did not answer"):
        sink.write([vectors([1], 1.0)])


def test_a_full_redis_is_one_sentence(open_sink: Callable[..., RedisSink]) -> None:
    with Redis(settings={"maxmemory": "2mb"}) as server:
        sink = open_sink(server.url)
        sink.write([vectors(range(100_000), 1.0)])
        with pytest.raises(HeadraceError, match=r"Redis is full .* raise maxmemory"):
            sink.flush()


@pytest.mark.parametrize(
    ("password", "login", "says"),
    [
        ("right", "", "wants a password: set HEADRACE_REDIS_PASSWORD"),
        ("right", ":wrong@", "refuses the password"),
        (None, ":unasked@", "has no password but one is set"),
    ],
)
def test_a_wrong_password_is_one_sentence(
    open_sink: Callable[..., RedisSink], password: str | None, login: str, says: str
) -> None:
    with Redis(password=password) as server:
        sink = open_sink(f"redis://{login}127.0.0.1:{server.port}")
        sink.write([vectors([1], 1.0)])
        with pytest.raises(HeadraceError, match=says) as caught:
            sink.flush()
    assert sink.retries == 0
    assert "wrong" not in str(caught.value)


def test_an_error_inside_a_transaction_is_an_error(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    with private_redis.client() as client:
        client.config_set("maxmemory", "1")
    sink = open_sink(private_redis.url)
    sink.write([Trending("all", np.arange(5), np.ones(5))])
    with pytest.raises(HeadraceError, match="Redis is full"):
        sink.flush()


def test_an_unknown_error_is_told_in_the_words_of_redis(redis_url: str) -> None:
    sink = RedisSink(parse(redis_url), Encoder("", 1, {"post": 0}))
    sink.write([vectors([1], 1.0)])
    with pytest.raises(HeadraceError, match=r"refused a command .ERR invalid expire"):
        sink.flush()
    sink.close()


def test_a_replica_that_becomes_master_is_waited_for(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    with private_redis.client() as client:
        client.replicaof("127.0.0.1", "1")
        sink = open_sink(private_redis.url)
        sink.write([vectors([1], 1.0)])
        wait_until(lambda: sink.retries >= 2)
        client.replicaof("NO", "ONE")
        sink.flush()
        assert value_of(client, "features:post:1") == 1.0


def test_writing_blocks_while_too_much_waits(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    sink = open_sink(private_redis.url, held_bytes=1_000_000)
    private_redis.process.pause()
    through = threading.Event()

    def write() -> None:
        for _ in range(3):
            sink.write([vectors(range(20_000), 1.0)])
        through.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not through.wait(0.3)
    private_redis.process.resume()
    assert through.wait(30)
    writer.join()
    sink.flush()


def test_closing_does_not_wait_for_a_lost_redis(
    open_sink: Callable[..., RedisSink], private_redis: Redis
) -> None:
    private_redis.kill()
    sink = open_sink(private_redis.url)
    sink.write([vectors([1], 1.0)])
    wait_until(lambda: sink.retries >= 1)
    sink.close()
    with pytest.raises(HeadraceError, match="stopped while waiting for Redis"):
        sink.flush()


CERTIFICATE = Path(__file__).parent / "localhost.pem"


def encrypting(target: str) -> socket.socket:
    """A TLS end in front of a unix socket, until the listener that is returned is closed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        sink.close()

    def join(plain: socket.socket) -> None:
        try:
            client = context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(target)
        threading.Thread(target=copy, args=(client, server), daemon=True).start()
        copy(server, client)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=join, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_over_tls(open_sink: Callable[..., RedisSink], redis_server: Redis, redis_url: str) -> None:
    listener = encrypting(str(redis_server.socket))
    port = listener.getsockname()[1]
    try:
        sink = open_sink(f"rediss://localhost:{port}?ssl_ca_certs={CERTIFICATE}")
        sink.write([vectors(range(5000), 1.0)])
        sink.flush()
        assert redis.Redis.from_url(redis_url).dbsize() == 5000
        stranger = open_sink(f"rediss://localhost:{port}")
        stranger.write([vectors([1], 1.0)])
        with pytest.raises(HeadraceError, match=r"not trusted .*ssl_ca_certs=FILE"):
            stranger.flush()
    finally:
        listener.close()
