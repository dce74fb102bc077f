"""One bad record of each kind in a log: a dead letter or a count, and everything else as if it were not there."""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.dirt import Dirt, dirt
from tests.faults.letters import Letter, dead_letters
from tests.faults.outcome import Outcome, ran
from tests.faults.traffic import Message, good, keyed, write, wrong_vectors
from tests.flows.harness import Place
from tests.services.broker import Broker
from tests.services.redis import Redis

KINDS = list(dirt(0, 100))
LARGEST = 2_000


@dataclass(frozen=True)
class Read:
    """A log that was read: what was in it, and what came of it."""

    kinds: dict[str, Dirt]
    messages: list[Message]
    outcome: Outcome
    letters: list[Letter]
    wrong: dict[str, Any]


@pytest.fixture(scope="module", params=["file live", "file history", "kafka live", "kafka history", "loop"])
def read(
    request: pytest.FixtureRequest,
    kafka: Broker,
    redis_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Read:
    """Every kind of dirt in the middle of good interactions, read in one run."""
    folder = tmp_path_factory.mktemp("bad")
    with redis_server.client() as client:
        client.flushall()
    place = Place(
        kafka.url if "kafka" in request.param else f"file:{folder / 'log'}",
        redis_server.url,
        folder / "state",
        {
            "HEADRACE_TIME": "history" if "history" in request.param else "live",
            "HEADRACE_ENGINE": "loop" if request.param == "loop" else "bytewax",
            "HEADRACE_TOPIC_PREFIX": f"{folder.name}-{time.time_ns()}." if "kafka" in request.param else "",
            "HEADRACE_MAX_RECORD_BYTES": str(LARGEST),
        },
    )
    now_ms = time.time_ns() // 1_000_000
    clean = good(now_ms)
    kinds = dirt(now_ms, LARGEST)
    bad = [one for kind in kinds.values() for one in kind.messages]
    messages: list[Message] = [*clean[:150], *bad, *clean[150:]]
    write(place, messages)
    outcome = ran(place)
    outcome.went_well()
    return Read(kinds, messages, outcome, dead_letters(place), wrong_vectors(messages, place))


def test_the_rest_is_as_if_nothing_had_been_there(read: Read) -> None:
    assert not read.wrong


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_becomes_its_dead_letter(read: Read, kind: str) -> None:
    """Its reason, its bytes and key as they came, and where from."""
    for reason, value in read.kinds[kind].letters:
        [letter] = [letter for letter in read.letters if letter["value"] == value]
        source = read.kinds[kind].messages[-1]
        beside = [one for one in read.messages if one.partition == source.partition]
        offset = beside.index(source)
        assert letter["reason"] == reason
        assert (letter["topic"], letter["flow"]) == ("interactions", "windows")
        assert (letter["partition"], letter["offset"]) == (source.partition, offset)
        assert letter["key"] == keyed(offset)
        assert letter["detail"]


def test_there_are_no_other_dead_letters(read: Read) -> None:
    """A repeat, and ids that only look odd, are none."""
    expected = [letter for kind in read.kinds.values() for letter in kind.letters]
    assert sorted((letter["reason"], letter["value"] or b"") for letter in read.letters) == sorted(
        (reason, value or b"") for reason, value in expected
    )


def test_all_of_them_are_counted(read: Read) -> None:
    """The last line tells how many there were of each kind."""
    assert read.outcome.summary.rstrip().endswith(
        "set aside: 2 future, 1 late, 1 partition, 1 repeat, 1 too_large, 11 undecodable"
    )
