import socket
import threading

import pytest

from schemas.errors import HeadraceError
from sinks.redis_connection import Connection
from sinks.redis_errors import TryAgainError
from sinks.redis_url import Address, parse
from sinks.resp_parts import Request, command

SET = Request(command("SET", "key", "value"), 1, plain=True)


def test_what_is_forgotten_takes_no_effect_any_more(redis_url: str) -> None:
    old, new = (Connection(parse(redis_url), 5.0) for _ in range(2))
    assert old.client_id is not None
    new.forget(old.client_id)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        exchange(old)
    exchange(new)
    for connection in (old, new):
        connection.close()


def exchange(connection: Connection) -> None:
    connection.send(SET)
    connection.receive(SET)


def test_a_server_is_known_by_its_process(redis_url: str) -> None:
    connections = [Connection(parse(redis_url), 5.0) for _ in range(2)]
    assert len({connection.run_id for connection in connections}) == 1
    assert len(connections[0].run_id) == 40
    assert len({connection.client_id for connection in connections}) == 2
    for connection in connections:
        connection.close()


def answering(*replies: bytes) -> Address:
    """A server that sends these bytes to the client one after the other, then hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as client:
            for reply in replies:
                client.recv(1 << 16)
                client.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return Address(host="127.0.0.1", port=listener.getsockname()[1])


HELLO = (b"+PONG\r\n", b"-NOPERM no INFO\r\n", b":12\r\n")


def test_a_user_without_rights_to_look_may_still_write() -> None:
    connection = Connection(answering(*HELLO, b"+OK\r\n"), 5.0)
    assert (connection.run_id, connection.client_id) == ("", 12)
    exchange(connection)
    connection.close()


def test_being_turned_away_says_why() -> None:
    with pytest.raises(TryAgainError, match="max number of clients"):
        Connection(answering(b"-ERR max number of clients reached\r\n"), 5.0)


def test_replies_in_pieces_are_put_together() -> None:
    address = answering(*HELLO, b"+O")
    connection = Connection(address, 5.0)
    connection.send(SET)
    with pytest.raises(ConnectionError):
        connection.receive(SET)
    connection.close()


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"-OOM command not allowed\r\n", "Redis is full"),
        (b"+QUEUED\r\n", "answered SET with something else"),
    ],
)
def test_a_reply_that_is_not_done_is_an_error(reply: bytes, says: str) -> None:
    connection = Connection(answering(*HELLO, reply), 5.0)
    connection.send(SET)
    with pytest.raises(HeadraceError, match=says):
        connection.receive(SET)
    connection.close()
