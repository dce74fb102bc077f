"""Consumers on their way out: a commit that is under way keeps each for some seconds while its brokers are away."""

import threading
import time
from typing import Final

from confluent_kafka import Consumer

LONGEST_S: Final = 8.0


class Closing:
    """Closes consumers beside each other; what takes too long ends with the process."""

    def __init__(self) -> None:
        self._under_way: list[threading.Thread] = []

    def add(self, consumer: Consumer) -> None:
        """Begin to close one."""
        thread = threading.Thread(target=consumer.close, name="headrace-close", daemon=True)
        thread.start()
        self._under_way = [one for one in self._under_way if one.is_alive()] + [thread]

    def wait(self, seconds: float = LONGEST_S) -> None:
        """Wait until all are closed, at most so long."""
        deadline = time.monotonic() + seconds
        for thread in self._under_way:
            thread.join(max(0.0, deadline - time.monotonic()))
