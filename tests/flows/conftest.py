"""A simulated log for all tests of flows in a process, with the vectors that it must lead to."""

from pathlib import Path

import pytest

from tests.flows.harness import Vectors, simulated


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Vectors]:
    """The folder of a simulated file log, and the naively computed vectors."""
    folder = tmp_path_factory.mktemp("traffic")
    return folder, simulated(folder)
