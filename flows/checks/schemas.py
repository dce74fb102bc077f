"""Do the settings, the records and the feature registry hold together?"""

from collections import Counter
from pathlib import Path

from flows.checks.finding import Finding
from schemas.errors import HeadraceError
from schemas.records import RECORDS, fingerprint, load_extra, versions
from schemas.registry import Registry
from schemas.settings import Loaded, Settings


def check_settings(loaded: Loaded) -> list[Finding]:
    """Where the settings come from, and pairs of them that don't go together."""
    sources = sorted(set(loaded.origins.values()))
    text = f"{len(loaded.origins)} set ({', '.join(sources)})" if sources else "all at their defaults"
    found = [Finding("settings", "ok", text)]
    settings = loaded.settings
    if settings.log.startswith("kafka://") and settings.redis.startswith("embedded:"):
        found.append(
            Finding(
                "settings",
                "warn",
                "events come from Kafka but features go to the embedded Redis, which is for trying things out",
                "name your Redis with --redis or HEADRACE_REDIS",
            )
        )
    return found


def check_schemas(settings: Settings) -> list[Finding]:
    """Every record's versions and further writer schemas have a fingerprint of their own; the registry loads."""
    found = []
    try:
        extra = load_extra(Path(settings.schema_path)) if settings.schema_path else {}
        prints = Counter(fingerprint(schema) for record in RECORDS for schema in versions(record))
        known = sum(map(len, extra.values()))
        doubles = sum(times - 1 for times in prints.values())
        text = f"{len(RECORDS)} records in {prints.total()} versions, {known} schemas of other writers"
        found.append(
            Finding("schemas", "fail", f"{doubles} schemas share a fingerprint", "install headrace anew")
            if doubles
            else Finding("schemas", "ok", text)
        )
    except HeadraceError as error:
        found.append(Finding.of("schemas", error))
    try:
        registry = Registry.of(settings)
        count = len(registry.features)
        found.append(
            Finding("features", "ok", f"feature set {registry.name}-{registry.version}: {count} features")
        )
    except HeadraceError as error:
        found.append(Finding.of("features", error))
    return found
