"""Effects: what an operator asks a sink to do, as columns in the domain's words.

Every effect is absolute: applying it twice, or again after a later one was lost, leaves what applying it
once leaves.
"""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s
from schemas.registry import Registry

ENTITIES = ("post", "author", "user")
"""What has a feature vector of its own."""


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Feature vectors of one kind of entity: `values[i]` is the vector of `ids[i]` as of `as_of_ms[i]`.

    `values` is float32 of shape (n, features of the entity); `expiry[i]` says that nothing happened to the
    key but that time passed: such a vector replaces one that is there, never brings back one that has gone.
    The ids of one effect are distinct.
    """

    entity: str
    ids: Int64s
    as_of_ms: Int64s
    values: npt.NDArray[np.float32]
    expiry: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Trending:
    """The trending posts of a region, or of "all", best first; replaces the list that was there."""

    region: str
    post_ids: Int64s
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.post_ids)


@dataclass(frozen=True, slots=True)
class Erase:
    """The vectors of these ids go, whatever they were."""

    entity: str
    ids: Int64s

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """What is in the vectors with this version in their header, as JSON."""

    version: int
    description: str

    @staticmethod
    def of(registry: Registry) -> "FeatureSet":
        """The feature set of a registry."""
        return FeatureSet(registry.version, json.dumps(registry.feature_set()))

    def __len__(self) -> int:
        return 1


Effect = VectorSet | Trending | Erase | FeatureSet
