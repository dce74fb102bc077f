import random
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc

from state.checkpoint import Checkpoint
from state.chunks import ChunkStore
from state.keeper import Keeper

ROOT = Path(__file__).parents[2]

LOOP = """
import sys
from pathlib import Path
from tests.state.test_keeper import open_keeper, table
from state.checkpoint import Checkpoint

folder = Path(sys.argv[1])
keeper, checkpoint = open_keeper(folder / "chunks"), Checkpoint(folder)
epoch = 0
if (last := checkpoint.load()) is not None:
    _, facts = keeper.restore(last)
    epoch = facts["epoch"]
while True:
    epoch += 1
    checkpoint.save(keeper.snapshot({"counts": table({epoch % 7: 1})}, {"epoch": epoch}))
    print(epoch, flush=True)
"""


def test_killed_at_any_moment_it_goes_on_from_the_last_checkpoint(tmp_path: Path, crashes: int) -> None:
    """Each epoch adds one; after a kill the sum is the epoch of the checkpoint, and nothing is missing."""
    chance = random.Random(1)
    epoch = 0
    for _ in range(crashes):
        loop = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert loop.stdout is not None
        for _ in range(chance.randrange(1, 60)):
            printed = int(loop.stdout.readline())
        loop.kill()
        loop.communicate()
        last = Checkpoint(tmp_path).load()
        assert last is not None
        tables, facts = Keeper(ChunkStore(tmp_path / "chunks"), {}).restore(last)
        assert sum(pc.sum(part["n"]).as_py() for part in tables["counts"]) == facts["epoch"]
        assert facts["epoch"] >= printed > epoch
        epoch = facts["epoch"]
    assert len(list((tmp_path / "chunks").iterdir())) < 40
