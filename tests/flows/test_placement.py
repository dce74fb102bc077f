"""Where shards are kept: the engine agrees, and any number of processes gets its share."""

import threading
from collections import defaultdict
from collections.abc import Sequence

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import TestingSink, TestingSource, cluster_main

from flows.placement import Placement
from schemas.errors import UsageError

SHARDS = 60


class Where(StatefulBatchLogic[int, int, None]):
    """Tells which worker it runs on."""

    def on_batch(self, values: list[int]) -> tuple[Sequence[int], bool]:
        return [threading.get_ident()] * len(values), False

    def snapshot(self) -> None:
        return None


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_the_engine_sends_a_shard_to_its_owner(workers: int) -> None:
    """Shards of one owner meet in one worker, and those of two owners never do."""
    placement = Placement(SHARDS, workers)
    flow = Dataflow("where")
    items = op.input("in", flow, TestingSource([(placement.key(shard), shard) for shard in range(SHARDS)]))
    found: list[tuple[str, int]] = []
    op.output("out", op.stateful_batch("keep", items, lambda saved: Where()), TestingSink(found))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    owners = defaultdict(set)
    names = {placement.key(shard): shard for shard in range(SHARDS)}
    for key, worker in found:
        owners[worker].add(placement.owner(names[key]))
    assert sorted(map(sorted, owners.values())) == [[owner] for owner in range(workers)]


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 5, 6, 8, 10, 12])
def test_shards_are_dealt_out_evenly(processes: int) -> None:
    """Each process has its share, each shard one process."""
    owned = [Placement(SHARDS, processes, index).mine for index in range(processes)]
    assert sorted(shard for mine in owned for shard in mine) == list(range(SHARDS))
    assert max(map(len, owned)) - min(map(len, owned)) <= 1


def test_more_processes_than_shards_are_refused() -> None:
    """One of them would have nothing to do."""
    with pytest.raises(UsageError, match="4 processes can't share 3 shards"):
        Placement(3, 4)
