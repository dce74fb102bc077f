"""One input partition from log to judged rows: read, decode, judge; offset, watermark and ids in one snapshot."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from flows.bad_share import BadShare
from flows.erasures import erasures
from flows.kept import Kept
from flows.observe import Observer
from operators.acceptance import Acceptance, AcceptanceLogic, Accepted, Refused
from schemas import reasons
from schemas.codec import Codec, Decoded
from schemas.frame import DeadLetters, Erasure, Frame, Int64s, RawBatch
from schemas.settings import Settings
from schemas.topics import TOPICS
from sources.log import Log
from state.durable import Durable

Item = Frame | Erasure | DeadLetters

NULL = "The value is null, which only a compacted topic may have."

_SMALL = 2_000
_PAUSE = 0.005
_LIVE_PAUSE = 0.1


@dataclass(frozen=True)
class Intake:
    """How input partitions are read: the log, the settings, and what watches over bad records."""

    settings: Settings
    log: Log
    state: Path
    codecs: Mapping[str, Codec]
    watch: BadShare
    observer: Observer
    durable: Durable

    def acceptance(self, topic: str, partition: int) -> Acceptance:
        """The judge of one partition."""
        settings = self.settings
        return Acceptance(
            partition=partition,
            partitions=settings.partitions,
            placed_by=TOPICS[topic].placed_by,
            event_id="event_id" if topic == "interactions" else None,
            live=settings.time == "live",
            max_ahead_ms=settings.max_ahead_ms,
            allowed_lateness_ms=settings.allowed_lateness_ms,
            dedupe_horizon_ms=settings.dedupe_horizon_ms,
        )

    def open(
        self, topic: str, partition: int, saved: Mapping[str, Any] | None, until: int | None
    ) -> "IntakePartition":
        """The partition from where a snapshot left it, else from its oldest record; raises `HeadraceError`."""
        return IntakePartition(self, topic, partition, saved, until)


class IntakePartition:
    """A partition being read: `read` gives frames of accepted rows, and dead letters."""

    def __init__(
        self, intake: Intake, topic: str, partition: int, saved: Mapping[str, Any] | None, until: int | None
    ) -> None:
        self.topic = topic
        self.partition = partition
        self._intake = intake
        self._codec = intake.codecs[topic]
        self._live = until is None
        self._next = 0.0
        self._reader = intake.log.open(topic, partition, None if saved is None else saved["offset"], until)
        self._kept = Kept(
            intake.acceptance(topic, partition),
            intake.state / f"{topic}-{partition:05d}",
            None if saved is None else saved["state"],
            f"judge_{topic}",
            intake.observer,
            intake.durable,
        )
        intake.observer.where.opened(topic, partition, self._reader.offset, saved is not None)

    @property
    def offset(self) -> int:
        """The next offset to read."""
        return self._reader.offset

    @property
    def watermark(self) -> int:
        """The watermark, ms: no event has moved it yet where it is far in the past."""
        return cast(AcceptanceLogic, self._kept.logic).watermark

    @property
    def done(self) -> bool:
        """Whether everything up to the fixed end has been read."""
        return self._reader.done

    def wait(self) -> float:
        """Seconds until it is worth reading again: small frames are left to grow."""
        return self._next - time.monotonic()

    def read(self) -> list[Item]:
        """What the next messages bring; empty when there is nothing now. Raises `HeadraceError`."""
        batch = self._reader.read(self._intake.settings.frame_rows)
        where = self._intake.observer.where
        where.polled(self.topic, self.partition, self._reader.offset, brought=batch is not None)
        if batch is None or len(batch) < _SMALL:
            self._next = time.monotonic() + (_LIVE_PAUSE if self._live else _PAUSE)
        if batch is None or not len(batch):
            return []
        decoded, messages = self._decode(batch)
        frame = Frame(
            self.topic, self.partition, decoded.rows, batch.offsets[messages], batch.append_ms[messages], 0
        )
        items: list[Item] = []
        refused: Counter[str] = Counter()
        for item in erasures(batch, self._intake.settings.partitions):
            items.append(item)
            if isinstance(item, DeadLetters):
                refused.update(item.reasons)
        if decoded.bad:
            items.append(self._undecodable(batch, decoded, refused))
        for verdict in self._kept.logic.on_rows(frame):
            if isinstance(verdict, Accepted):
                items.append(verdict.frame)
                self._intake.observer.accepted(verdict.frame)
            else:
                items += self._dead(batch, decoded, messages, verdict, refused)
        self._intake.observer.read(batch, len(frame) + len(decoded.bad), refused)
        self._intake.watch.count(len(frame) + len(decoded.bad), refused)
        return items

    def snapshot(self) -> dict[str, Any]:
        """The next offset, with the manifest of watermark and ids: plain data."""
        self._reader.commit(self._reader.offset)
        return {"offset": self._reader.offset, "state": self._kept.snapshot()}

    def close(self) -> None:
        """Let go of the log and of background work."""
        self._reader.close()
        self._kept.close()

    def _decode(self, batch: RawBatch) -> tuple[Decoded, Int64s]:
        """Decoded rows with the message of each, and bad records; a null value erases where a topic is compacted."""
        decoded = self._codec.decode([value or b"" for value in batch.values])
        if decoded.bad and TOPICS[self.topic].cleanup == "compact":
            bad = [one for one in decoded.bad if batch.values[one.index] is not None]
            decoded = replace(decoded, bad=bad)
        messages = np.arange(len(batch)) if decoded.source is None else decoded.source.astype(np.int64)
        return decoded, messages

    def _undecodable(self, batch: RawBatch, decoded: Decoded, refused: Counter[str]) -> DeadLetters:
        bad = decoded.bad
        refused.update(one.reason for one in bad)
        null = [batch.values[one.index] is None for one in bad]
        return DeadLetters(
            self.topic,
            self.partition,
            offsets=[int(batch.offsets[one.index]) for one in bad],
            reasons=[one.reason for one in bad],
            details=[NULL if no_value else one.detail for one, no_value in zip(bad, null, strict=True)],
            keys=[batch.key(one.index) for one in bad],
            values=[one.value or batch.values[one.index] for one in bad],
            at_ms=[int(batch.append_ms[one.index]) for one in bad],
        )

    def _dead(
        self, batch: RawBatch, decoded: Decoded, messages: Int64s, verdict: Refused, refused: Counter[str]
    ) -> list[DeadLetters]:
        """Dead letters of refused rows; repeats are only counted."""
        refused.update(verdict.reasons)
        rows = [
            row
            for row, why in zip(verdict.rows.tolist(), verdict.reasons, strict=True)
            if why != reasons.REPEAT
        ]
        if not rows:
            return []
        frame = verdict.frame
        at_ms = frame.int64("at_ms")
        alone = np.bincount(messages, minlength=len(batch)) == 1
        return [
            DeadLetters(
                self.topic,
                self.partition,
                offsets=frame.offsets[rows].tolist(),
                reasons=[why for why in verdict.reasons if why != reasons.REPEAT],
                details=[self._detail(frame, row, int(at_ms[row])) for row in rows],
                keys=[batch.key(int(messages[row])) for row in rows],
                values=[
                    batch.values[messages[row]] if alone[messages[row]] else self._one(decoded, row)
                    for row in rows
                ],
                at_ms=at_ms[rows].tolist(),
            )
        ]

    def _one(self, decoded: Decoded, row: int) -> bytes:
        """A record that came in an array, on its own."""
        return self._codec.encode(decoded.rows.slice(row, 1))[0]

    def _detail(self, frame: Frame, row: int, at_ms: int) -> str:
        placed_by = TOPICS[self.topic].placed_by
        return f"at_ms {at_ms}, append_ms {frame.append_ms[row]}, {placed_by} {frame.int64(placed_by)[row]}"
