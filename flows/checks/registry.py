"""Does the schema registry answer, and does it know our schemas?"""

from collections import Counter

from flows.checks.finding import Finding, Level
from flows.registering import BAD, check
from schemas.settings import Settings
from sources.schema_registry import SchemaRegistry

SUBJECT = "registry"


def check_registry(settings: Settings) -> list[Finding]:
    """Nothing where no registry is set; raises `HeadraceError` when it can't be asked.

    A schema that it would refuse makes a flow fail if that has to write with it.
    """
    registry = SchemaRegistry.of(settings)
    if registry is None:
        return []
    standings = list(check(settings, registry))
    counts = Counter(one.state for one in standings)
    said = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    found = [Finding(SUBJECT, "ok", f"{settings.schema_registry} answers; our schemas: {said}")]
    level: Level = "fail" if settings.wire_format == "confluent" else "warn"
    found += [
        Finding(
            SUBJECT,
            level,
            f"{one.record} may not follow the latest schema of {one.subject}: {one.why or 'no reason given'}",
            "change its compatibility level, or use another topic_prefix",
        )
        for one in standings
        if one.state in BAD
    ]
    return found
