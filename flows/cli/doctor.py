"""`headrace doctor`: checks what a flow needs, and says what to do."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

import click
from msgspec.structs import replace
from rich.markup import escape

from flows.checks.finding import Finding
from flows.checks.log import check_log
from flows.checks.redis import check_redis
from flows.checks.registry import check_registry
from flows.checks.schemas import check_schemas, check_settings
from flows.checks.state import check_state
from flows.cli.common import common_options, json_option, loaded_settings
from flows.cli.terminal import console
from schemas.errors import HeadraceError
from schemas.settings import Settings

MOST_PATIENCE_MS = 5_000
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@common_options
@json_option
def doctor(settings: Settings, as_json: bool) -> None:
    """Check log, Redis, schema registry, settings, clock and state; exit code 1 if something would make a flow fail."""
    loaded = loaded_settings()
    settings = replace(
        settings, schema_registry_retry_ms=min(settings.schema_registry_retry_ms, MOST_PATIENCE_MS)
    )
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("settings", lambda: check_settings(loaded)),
        ("schemas", lambda: check_schemas(settings)),
        ("registry", lambda: check_registry(settings)),
        ("log", lambda: check_log(settings)),
        ("redis", lambda: check_redis(settings)),
        ("state", lambda: check_state(settings)),
    ]
    found = []
    for finding in _findings(checks):
        found.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    sys.exit(any(finding.level == "fail" for finding in found))


def _findings(checks: list[tuple[str, Callable[[], list[Finding]]]]) -> Iterator[Finding]:
    for subject, check in checks:
        try:
            yield from check()
        except HeadraceError as error:
            yield Finding.of(subject, error)


def _print(finding: Finding) -> None:
    advice = f"\n                 {escape(finding.advice)}" if finding.advice else ""
    style = STYLES[finding.level]
    console().print(
        f"[{style}]{finding.level:<4}[/]  {finding.subject:<9}  {escape(finding.text)}{advice}",
        soft_wrap=True,
    )


COMMANDS = [doctor]
