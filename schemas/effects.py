"""Effects: what an operator asks a sink to do, as columns in the domain's words.

Every effect is absolute: applying it twice, or again after a later one was lost, leaves what applying it
once leaves.
"""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
    """The vectors of these ids go, whatever they were; of pairs the ids are those of users."""

    entity: str
    ids: Int64s

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class AffinitySet:
    """What users are to authors or content types: `values[i]` is the vector of `user_ids[i]` and `fields[i]`.

    `entity` is `user_author` (fields are int64) or `user_type` (text); `values` is float32 of shape (n, features),
    `as_of_ms[i]` when row i was so. `gone[i]` says that the field is to go; its other columns then mean nothing.
    `expiry[i]` says that nothing happened but that time passed: where all rows of a user are such, they replace what
    is there, never bring back what has gone. Of the users in `whole` nothing stays but these rows. The pairs of one
    effect are distinct.
    """

    entity: str
    user_ids: Int64s
    fields: pa.Array
    as_of_ms: Int64s
    values: npt.NDArray[np.float32]
    expiry: npt.NDArray[np.bool_]
    gone: npt.NDArray[np.bool_]
    whole: Int64s

    def __len__(self) -> int:
        return len(self.user_ids)


@dataclass(frozen=True, slots=True)
class SeenSet:
    """What users have seen on a UTC day, counted since 1970: `bits[i]` is the whole Bloom filter of `user_ids[i]`.

    `bits` is uint8 of shape (n, 512). The users of one effect are distinct.
    """

    day: int
    user_ids: Int64s
    bits: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.user_ids)


@dataclass(frozen=True, slots=True)
class SeenErase:
    """What users have seen from one UTC day to another goes, both included: those of `user_ids[i]` in row i."""

    user_ids: Int64s
    first_days: Int64s
    last_days: Int64s

    def __len__(self) -> int:
        return len(self.user_ids)


@dataclass(frozen=True, slots=True)
class MemberSet:
    """Whole sets of ids by user: what is in `kind` of `user_ids[i]` is `members[ends[i - 1]:ends[i]]`, nothing else.

    The users of one effect are distinct.
    """

    kind: str
    user_ids: Int64s
    ends: Int64s
    members: Int64s

    def __len__(self) -> int:
        return len(self.user_ids)


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


Effect = VectorSet | AffinitySet | SeenSet | MemberSet | Trending | Erase | SeenErase | FeatureSet
