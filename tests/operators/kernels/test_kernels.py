"""Which form a process uses: compiled with numba, numpy without."""

import subprocess
import sys
from pathlib import Path

import pytest

from operators.kernels import kernels

ROOT = Path(__file__).parents[3]

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
sys.path.insert(0, "")
import pytest
from operators.kernels import kernels
assert kernels().form == "numpy"
names = ("acceptance", "battery", "seen", "session", "window_table")
files = [f"tests/operators/test_{name}.py" for name in names]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--timeout=0", *files]))
"""


def test_here_it_is_the_compiled_form() -> None:
    assert kernels().form == "numba"


@pytest.mark.timeout(600)
def test_operators_are_the_same_without_numba() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
