"""What is accepted of a history that was imported, judged from its rows alone: nothing of a flow is used here."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Int64s = npt.NDArray[np.int64]

NEVER = -(1 << 62)

_M = np.uint64(0x5BD1E995)
_MASK = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Rules:
    """The settings that decide what is accepted; times in ms."""

    partitions: int = 64
    max_ahead_ms: int = 60_000
    allowed_lateness_ms: int = 3_600_000
    dedupe_horizon_ms: int = 600_000


@dataclass(frozen=True)
class Judged:
    """The accepted rows, how many were refused by reason, and the largest watermark of any partition."""

    accepted: pl.DataFrame
    refused: Counter[str]
    clock: int

    @property
    def dead_letters(self) -> Counter[str]:
        """Refused rows by reason, less repeats, which are only counted."""
        return Counter({reason: count for reason, count in self.refused.items() if reason != "repeat"})


def judge(history: pl.DataFrame, rules: Rules) -> Judged:
    """Judge interactions in the order of the file, with `time = "history"`.

    Without a column `append_ms` a row was appended at its event time; without `event_id` no row repeats another.
    """
    at_ms = history["at_ms"].to_numpy()
    append_ms = history["append_ms"].to_numpy() if "append_ms" in history.columns else at_ms
    ids = history["event_id"].to_list() if "event_id" in history.columns else range(len(at_ms))
    places = partitions(history["user_id"].to_numpy(), rules.partitions)
    rows = zip(places.tolist(), ids, at_ms.tolist(), append_ms.tolist(), strict=True)
    watermarks = [NEVER] * rules.partitions
    latest: list[dict[int, int]] = [{} for _ in range(rules.partitions)]
    verdicts = []
    for place, event, at, append in rows:
        watermark = watermarks[place]
        if at > append + rules.max_ahead_ms:
            verdicts.append("future")
        elif at < watermark - rules.allowed_lateness_ms:
            verdicts.append("late")
        elif latest[place].get(event, NEVER) > max(watermark - rules.dedupe_horizon_ms, NEVER):
            verdicts.append("repeat")
        else:
            verdicts.append("")
            watermarks[place] = max(watermark, min(at, append))
            latest[place][event] = max(latest[place].get(event, NEVER), at)
    verdict = pl.Series("verdict", verdicts, pl.String)
    refused = Counter(verdict.filter(verdict != "").to_list())
    return Judged(history.filter(verdict == ""), refused, max(watermarks))


def partitions(ids: Int64s, count: int) -> Int64s:
    """The partition of each id: MurmurHash2 with Kafka's seed over its 8 bytes, big-endian.

    >>> partitions(np.array([0, 1, -1]), 64).tolist()
    [3, 44, 61]
    """
    words = np.ascontiguousarray(ids.astype(">i8")).view("<u4").reshape(-1, 2).astype(np.uint64)
    h = np.full(len(ids), 0x9747B28C ^ 8, np.uint64)
    for word in words.T:
        k = word * _M & _MASK
        k = (k ^ k >> np.uint64(24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    h = (h ^ h >> np.uint64(13)) * _M & _MASK
    h ^= h >> np.uint64(15)
    return (h & np.uint64(0x7FFFFFFF)).astype(np.int64) % count
