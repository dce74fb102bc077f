"""Where the file log keeps what: `<root>/<topic>/topic.json`, `<root>/<topic>/<partition>/<offset>.avro`.

A topic's folder name begins with the topic prefix. Segments of a partition follow each other without a gap:
the base offset of one is the end of the one before. Removing the oldest segments is retention; the newest
must stay, for it tells where the partition ends.
"""

from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import HeadraceError
from schemas.segment import SegmentError, count

LAYOUT: Final = 1
SUFFIX: Final = ".avro"


class TopicInfo(msgspec.Struct, frozen=True):
    """What `topic.json` says."""

    partitions: int
    layout: int = LAYOUT


def topic_info(folder: Path) -> TopicInfo | None:
    """What is known of the topic in this folder, None if there is no such topic."""
    file = folder / "topic.json"
    try:
        info = msgspec.json.decode(file.read_bytes(), type=TopicInfo)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise HeadraceError(f"{file} cannot be read ({error}); restore it from a copy") from error
    if info.layout != LAYOUT or info.partitions < 1:
        raise HeadraceError(
            f"{file} has a layout that this version does not know; use the version that wrote it"
        )
    return info


def partition_folder(folder: Path, partition: int) -> Path:
    """The folder of one partition inside its topic's folder."""
    return folder / f"{partition:05d}"


def segment_file(folder: Path, base: int) -> Path:
    """The segment whose first offset is `base`, in a partition's folder."""
    return folder / f"{base:020d}{SUFFIX}"


def segment_bases(folder: Path) -> list[int]:
    """First offsets of the segments in a partition's folder, ascending; empty if there is no folder."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HeadraceError(f"{folder} cannot be read ({error.strerror}); make it readable") from error
    stems = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
    return sorted(int(stem) for stem in stems if len(stem) == 20 and stem.isdecimal())


def end_offset(folder: Path, bases: list[int]) -> int:
    """The offset that the next record of a partition gets; `bases` as `segment_bases` gave them."""
    if not bases:
        return 0
    file = segment_file(folder, bases[-1])
    try:
        with file.open("rb") as segment:
            return bases[-1] + count(segment)
    except (OSError, SegmentError) as error:
        raise damaged(file, error) from error


def damaged(file: Path, cause: Exception) -> HeadraceError:
    """The error that names a segment which cannot be read."""
    why = f"cannot be read ({cause.strerror})" if isinstance(cause, OSError) else f"is damaged: {cause}"
    return HeadraceError(
        f"segment {file} {why}; restore it from a copy, or move it and every older segment away and start "
        "behind it"
    )
