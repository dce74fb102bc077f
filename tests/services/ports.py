"""Free TCP ports that stay free while a server is down."""

import random
import socket

# Below the range from which the kernel takes the near end of outgoing connections: a client that keeps trying
# to reach a stopped server would else be given the server's own port, and connect to itself.
_LOW, _HIGH = 20_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, never a well-known one."""
    for _ in range(1000):
        port = random.randrange(_LOW, _HIGH)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {_LOW} and {_HIGH}")
