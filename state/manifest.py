"""The manifest: what a snapshot holds in place of the state itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from schemas.errors import HeadraceError
from state.chunks import Chunk

LAYOUT = 1
"""Number of the plain form written here; another number is refused, never guessed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The chunks that are the state, in the order they came in, with small facts (offsets, watermarks).

    `fingerprint` holds the settings that influence the state, as text. The plain form is made of dicts,
    lists, strings and whole numbers only, so that any version of this code, and any engine, can keep it.

    >>> Manifest({}, {"watermark": 7}, ()).to_plain()
    {'layout': 1, 'fingerprint': {}, 'facts': {'watermark': 7}, 'chunks': []}
    """

    fingerprint: Mapping[str, str]
    facts: Mapping[str, int]
    chunks: tuple[Chunk, ...]

    def to_plain(self) -> dict[str, Any]:
        """The manifest as plain data."""
        return {
            "layout": LAYOUT,
            "fingerprint": dict(self.fingerprint),
            "facts": dict(self.facts),
            "chunks": [asdict(chunk) for chunk in self.chunks],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Manifest":
        """Read the plain form back; raises `HeadraceError` if it is another layout or damaged."""
        if plain.get("layout") != LAYOUT:
            raise HeadraceError(
                f"the saved state has layout {plain.get('layout')!r} and this version reads {LAYOUT}: run "
                "the version that wrote it, or remove the state directory to compute everything again from "
                "the logs"
            )
        try:
            chunks = tuple(Chunk(**chunk) for chunk in plain["chunks"])
            return cls(dict(plain["fingerprint"]), dict(plain["facts"]), chunks)
        except (KeyError, TypeError, ValueError) as error:
            raise HeadraceError(
                "the saved manifest is damaged: put the state directory back from a copy, or remove it to "
                "compute everything again from the logs"
            ) from error
