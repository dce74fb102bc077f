"""What the rows of some partitions say of posts and authors, added up before it goes to whoever keeps those."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.entity import KEYS, TOPIC, Entity
from operators.groups import Groups, group
from operators.measures import ENGAGEMENTS, PLAIN, Measures
from operators.trending import EVERYWHERE, HOUR
from schemas.frame import Frame, Int64s, column
from schemas.registry import Registry

ITEMS = ("post", "author")
"""The entities that are kept by item shard."""

_COLUMNS = ("type", "post_id", "author_id", "region", "position", "dwell_ms", "at_ms")
_ENGAGED = np.isin(np.arange(128), [PLAIN[name] for name in ENGAGEMENTS])
_SHIFT = np.uint64(33)
_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Regional:
    """Engagements by region and post: row `i` of `groups` is a post in the region `names[regions[i]]`."""

    groups: Groups
    regions: Int64s
    names: tuple[str, ...]

    def keys(self) -> tuple[Int64s, pa.Array]:
        """Post and region of each row."""
        regions = pa.array(self.regions.astype(np.int32))
        return self.groups.keys, pa.DictionaryArray.from_arrays(regions, pa.array(self.names, pa.string()))

    def split(self, shards: int) -> list["Regional"]:
        """The rows of each item shard."""
        owners = shard_of(self.groups.keys, shards)
        return [
            Regional(groups, self.regions[owners == shard], self.names)
            for shard, groups in enumerate(self.groups.split(owners, shards))
        ]


@dataclass(frozen=True, slots=True)
class Partial:
    """Interactions with the posts and authors of one item shard: counts by entity, and engagements by region."""

    entities: dict[str, Groups]
    regional: Regional

    def __len__(self) -> int:
        return sum(len(groups) for groups in self.entities.values())


@dataclass(frozen=True)
class ItemPartials:
    """Adds up interactions for each of `shards` item shards; `examined` is the position table (see `Measures`)."""

    registry: Registry
    examined: tuple[int, ...]
    shards: int

    @cached_property
    def entities(self) -> list[Entity]:
        """What is counted: entities with features, and posts, which trend."""
        kept = (Entity(name, self.registry, self.measures) for name in ITEMS)
        return [entity for entity in kept if entity.is_kept]

    @cached_property
    def measures(self) -> Measures:
        """The columns that events are counted in."""
        return Measures(self.examined)

    def __call__(self, frames: Sequence[Frame]) -> list[Partial]:
        """One `Partial` for each item shard, in their order; frames of topics other than interactions say nothing."""
        batches = [frame.rows.select(_COLUMNS) for frame in frames if frame.topic == TOPIC and len(frame)]
        if not batches:
            return []
        rows = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
        at_ms = column(rows, "at_ms")
        counted = self.measures.of(rows)
        by_entity = {}
        for entity in self.entities:
            keys = column(rows, KEYS[entity.name])
            groups = group(keys, at_ms, *counted, entity.pane_ms, entity.idle_ms)
            by_entity[entity.name] = self._split(groups)
        regional = _regional(rows).split(self.shards)
        return [
            Partial({name: parts[shard] for name, parts in by_entity.items()}, regional[shard])
            for shard in range(self.shards)
        ]

    def _split(self, groups: Groups) -> list[Groups]:
        return groups.split(shard_of(groups.keys, self.shards), self.shards)


def _regional(rows: pa.RecordBatch) -> Regional:
    """Engagements by region and post; `all` is not the name of a region, and without one nothing is counted."""
    engaged = np.flatnonzero(_ENGAGED[rows.column("type").indices.to_numpy()])
    encoded = rows.column("region").take(pa.array(engaged)).dictionary_encode()
    names = tuple(encoded.dictionary.to_pylist())
    regions = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    if EVERYWHERE in names:
        regions[regions == names.index(EVERYWHERE)] = -1
    known = np.flatnonzero(regions >= 0)
    posts = pa.array(column(rows, "post_id")[engaged[known]]).dictionary_encode()
    pairs = posts.indices.to_numpy().astype(np.int64) * len(names) + regions[known]
    at_ms = column(rows, "at_ms")[engaged[known]]
    groups = group(pairs, at_ms, 0, _NOTHING, _NOTHING, HOUR.pane_ms, None)
    ids = posts.dictionary.to_numpy()[groups.keys // max(len(names), 1)]
    return Regional(replace(groups, keys=ids), groups.keys % max(len(names), 1), names)


def shard_of(ids: Int64s, shards: int) -> Int64s:
    """The item shard of each id, by the finalizer of MurmurHash3 (Appleby, `fmix64`).

    It depends neither on partitions nor on the hash by which slots are found: keys of one shard are spread in both.

    >>> shard_of(np.array([1, 2, 3, -1]), 4).tolist()
    [2, 0, 0, 1]
    """
    if shards == 1:
        return np.zeros(len(ids), np.int64)
    mixed = ids.astype(np.uint64)
    mixed = (mixed ^ (mixed >> _SHIFT)) * np.uint64(0xFF51AFD7ED558CCD)
    mixed = (mixed ^ (mixed >> _SHIFT)) * np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> _SHIFT
    return ((mixed >> np.uint64(32)) * np.uint64(shards) >> np.uint64(32)).astype(np.int64)
