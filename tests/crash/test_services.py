"""Whatever is killed, restarted or frozen during a live run, Redis ends as the uninterrupted run leaves it."""

import random
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.outcome import finished, ran
from tests.faults.traffic import good, write, wrong_vectors
from tests.flows.harness import Place, until
from tests.services.kafka import Kafka
from tests.services.redis import Redis

NOW = 1_760_000_000_000
PART = 100
QUICK = {"HEADRACE_EPOCH_MS": "100", "HEADRACE_FLUSH_MS": "10", "HEADRACE_FRAME_ROWS": "10"}
BLOWS = ("kill the flow", "kill Kafka", "restart Kafka", "restart Redis", "empty Redis", "freeze Redis")


def strike(blow: str, flow: subprocess.Popen[str], kafka: Kafka, redis: Redis) -> None:
    """Hit one of the three; the services are there again afterwards."""
    match blow:
        case "kill the flow":
            flow.kill()
            assert finished(flow).code == -signal.SIGKILL
        case "kill Kafka":
            kafka.kill()
            kafka.start()
        case "restart Kafka":
            kafka.restart()
        case "restart Redis":
            redis.restart()
        case "empty Redis":
            redis.restart(keep=False)
        case "freeze Redis":
            redis.process.pause()
            wait(1.0)
            redis.process.resume()


def wait(seconds: float) -> None:
    """Let a random moment come."""
    deadline = time.monotonic() + seconds
    until(lambda: time.monotonic() > deadline)


def test_blows_lose_and_double_nothing(
    crashes: int, private_kafka: Kafka, private_redis: Redis, tmp_path: Path
) -> None:
    """Producers go on writing; a flow that was killed is started again at once."""
    chance = random.Random(crashes)
    place = Place(private_kafka.url, private_redis.url, tmp_path / "state", QUICK)
    messages = good(NOW, count=PART)
    write(place, messages)
    flow = place.start()
    told = []
    for number in range(1, crashes + 1):
        part = good(NOW + 60_000 * number, count=PART, seed=number, first_id=number * PART + 1)
        write(place, part)
        messages += part
        wait(chance.uniform(0.0, 2.0))
        told.append(chance.choice(BLOWS))
        strike(told[-1], flow, private_kafka, private_redis)
        if flow.poll() is not None:
            assert told[-1] == "kill the flow", finished(flow).said
            flow = place.start()
    flow.terminate()
    finished(flow)
    ran(place).went_well()
    assert not wrong_vectors(messages, place), told
