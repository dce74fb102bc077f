import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import HeadraceError
from state.lock import StateLock

HOLD = """
import sys
from pathlib import Path
from state.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(HeadraceError, match=rf"another process \(pid {holder.pid}\) uses state directory"):
        StateLock(tmp_path)
    holder.kill()
    holder.communicate()
    StateLock(tmp_path).close()


def test_a_lock_that_was_closed_can_be_taken_again(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(HeadraceError, match="another process"):
        StateLock(tmp_path)
    StateLock(tmp_path).close()
