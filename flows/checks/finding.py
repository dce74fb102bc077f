"""What a check found."""

from dataclasses import dataclass
from typing import Literal, Self

from schemas.errors import HeadraceError

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about a subject; unless it is ok, `advice` or the text itself says what to do."""

    subject: str
    level: Level
    text: str
    advice: str = ""

    @classmethod
    def of(cls, subject: str, error: HeadraceError) -> Self:
        """A failure whose message says what to do."""
        return cls(subject, "fail", str(error))
