"""The feature registry: which features a vector holds, in order, each with its formula and meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas.constants import constants_of
from schemas.errors import UsageError
from schemas.expression import ONLY_SESSION, SESSION_COUNTERS, Counter, Expression, Quantile, parts
from schemas.formula import parse
from schemas.registry_file import BUILT_IN, Entry, read_entries
from schemas.settings_fields import Settings
from schemas.windows import SESSION, WINDOWS, duration_name

ENTITIES: Final = {
    "post": "item",
    "author": "item",
    "user": "user",
    "user_author": "item",
    "user_type": "item",
}
"""What has a feature vector, with the group that its features belong to."""

PAIRS: Final = ("user_author", "user_type")
"""What a user is to something else: many vectors in one key, so they are small."""

PAIR_FEATURES: Final = 12
"""With the header 64 bytes, beyond which Redis keeps a hash as a table of twice the memory."""

PAIR_WINDOWS: Final = ("7d", "30d")


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a vector; `default` is None where there is none."""

    name: str
    group: str
    entity: str
    window: str
    formula: str
    expression: Expression
    type: str
    default: float | None
    crosses: tuple[str, ...]
    doc: str

    @property
    def pane(self) -> str | None:
        """The pane of its window as it is written, `10s`; None for a window without panes."""
        pane_ms = WINDOWS[self.window].pane_ms
        return None if pane_ms is None else duration_name(pane_ms)

    @property
    def counters(self) -> frozenset[tuple[str, str]]:
        """The (counter, window) pairs that its formula reads."""
        found = (part for part in parts(self.expression) if isinstance(part, Counter))
        return frozenset((counter.name, counter.window or self.window) for counter in found)

    @property
    def has_quantile(self) -> bool:
        """Whether its formula reads the dwell histogram of its window."""
        return any(isinstance(part, Quantile) for part in parts(self.expression))


@dataclass(frozen=True, slots=True)
class Registry:
    """All features in vector order, and the constants of their formulas; vectors carry the `version`."""

    name: str
    version: int
    constants: Mapping[str, float]
    features: tuple[Feature, ...]

    @staticmethod
    def load(path: Path | None = None, constants: Mapping[str, float] | None = None) -> "Registry":
        """The registry in a file (None: the built-in one), with constants from `constants_of(settings)`.

        Raises `UsageError` that names the file, the entry and what is wrong.
        """
        named = dict(constants_of(Settings()) if constants is None else constants)
        file = read_entries(path)
        if taken := sorted(file.constants.keys() & named.keys()):
            raise UsageError(f"{path}: the constant {taken[0]} comes from the settings; use another name")
        named |= file.constants
        features: list[Feature] = []
        for entry in file.features:
            features += _expanded(entry, named, path or BUILT_IN)
        features.sort(key=lambda feature: list(ENTITIES).index(feature.entity))
        names = [feature.name for feature in features]
        if doubles := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"{path}: the feature {doubles[0]} is there twice; rename one")
        registry = Registry(file.name, file.version, named, tuple(features))
        for entity in PAIRS:
            registry._check_pair(entity, path or BUILT_IN)
        return registry

    @staticmethod
    def of(settings: Settings) -> "Registry":
        """The registry that the settings name, with the constants of the settings."""
        path = Path(settings.feature_registry) if settings.feature_registry else None
        return Registry.load(path, constants_of(settings))

    def entity(self, name: str) -> list[Feature]:
        """The features of one entity, in vector order."""
        return [feature for feature in self.features if feature.entity == name]

    def windows(self, entity: str) -> list[str]:
        """The windows that the formulas of an entity read, shortest first.

        >>> Registry.load().windows("post")
        ['5m', '30m', '1h', '24h', 'lifetime']
        """
        features = self.entity(entity)
        used = {feature.window for feature in features}
        used |= {window for feature in features for _, window in feature.counters}
        return [window for window in WINDOWS if window in used]

    def _check_pair(self, entity: str, path: Path) -> None:
        """Raise `UsageError` if the vectors of pairs would be too large, or dear to keep."""
        features = self.entity(entity)
        if len(features) > PAIR_FEATURES:
            raise UsageError(
                f"{path}: {entity} has {len(features)} features, of which a value of 64 bytes holds "
                f"{PAIR_FEATURES}; take {entity} out of the windows of {features[PAIR_FEATURES].name} or others"
            )
        for window in self.windows(entity):
            if window not in PAIR_WINDOWS:
                raise UsageError(
                    f"{path}: features of {entity} may read the windows {' and '.join(PAIR_WINDOWS)}, not {window}"
                )

    def as_json(self) -> dict[str, Any]:
        """What `headrace features --registry --json` prints."""
        return {
            "feature_set": self.version,
            "constants": dict(self.constants),
            "features": [
                {
                    "name": feature.name,
                    "group": feature.group,
                    "entity": feature.entity,
                    "window": feature.window,
                    "pane": feature.pane,
                    "formula": feature.formula,
                    "type": feature.type,
                    "default": feature.default,
                    "doc": feature.doc,
                }
                for feature in self.features
            ],
        }

    def feature_set(self) -> dict[str, Any]:
        """The published feature set: what the key `feature_set:<version>` and served records refer to."""
        return {
            "name": self.name,
            "version": self.version,
            "features": [
                {
                    "name": feature.name,
                    "group": feature.group,
                    "entity": feature.entity,
                    "type": feature.type,
                    "default": feature.default,
                    "crosses": list(feature.crosses),
                    "doc": feature.doc,
                }
                for feature in self.features
            ],
        }


def _expanded(entry: Entry, constants: Mapping[str, float], path: Path) -> list[Feature]:
    """One feature for each entity and window of an entry."""
    where = f"{path}, feature {entry.name}"
    default = entry.default
    if isinstance(default, str):
        if default not in constants:
            raise UsageError(f"{where}: default = {default!r} is neither a number nor a constant")
        default = constants[default]
    features = []
    for entity, windows in entry.windows.items():
        for window in windows:
            length_ms = WINDOWS[window].length_ms
            if "{window_ms}" in entry.formula and length_ms is None:
                raise UsageError(
                    f"{where}: its formula uses {{window_ms}}, but the window {window} has no length"
                )
            formula = entry.formula.replace("{window_ms}", str(length_ms))
            try:
                expression = parse(formula, constants)
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from None
            feature = Feature(
                name=f"{entity}_{entry.name}_{window}",
                group=ENTITIES[entity],
                entity=entity,
                window=window,
                formula=formula,
                expression=expression,
                type=entry.type,
                default=default,
                crosses=entry.crosses,
                doc=entry.doc,
            )
            _check_session(feature, where)
            features.append(feature)
    return features


def _check_session(feature: Feature, where: str) -> None:
    """Raise `UsageError` if the feature reads something of a session that isn't counted, or of another window."""
    windows = {feature.window, *(window for _, window in feature.counters)}
    if SESSION in windows and feature.entity != "user":
        raise UsageError(f"{where}: sessions are of users; take {SESSION} away from {feature.entity}")
    if feature.window == SESSION and feature.has_quantile:
        raise UsageError(f"{where}: the dwells of a session have no quantile; take another window")
    for name, window in sorted(feature.counters):
        if window == SESSION and name not in SESSION_COUNTERS:
            known = ", ".join(SESSION_COUNTERS)
            raise UsageError(f"{where}: of a session there is no {name}; there are {known}")
        if window != SESSION and name in ONLY_SESSION:
            raise UsageError(f"{where}: {name} is there of the window {SESSION} only, not of {window}")
