"""Generates the traffic of a social network that does not exist: seeded, in columns, with real traffic's dirt."""

from sources.simulate.simulation import Batch, Simulation
from sources.simulate.traffic import Dirt, Traffic
from sources.simulate.truth import Truth

__all__ = ["Batch", "Dirt", "Simulation", "Traffic", "Truth"]
