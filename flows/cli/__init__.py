"""The command line: `headrace`, one file a command."""

import importlib
import sys

import click

from schemas.errors import HeadraceError, UsageError

MODULES: tuple[str, ...] = (
    "demo",
    "run",
    "features",
    "trending",
    "doctor",
    "keys",
    "settings",
    "simulate",
    "import_",
    "export",
    "tail",
    "topics",
)
"""Modules of this package whose `COMMANDS` make up the command line, in the order of the help page."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def headrace() -> None:
    """Stream processing for social news feeds: live features, inboxes and training data from Kafka or files."""


for _module in MODULES:
    for _command in importlib.import_module(f"flows.cli.{_module}").COMMANDS:
        headrace.add_command(_command)


def main() -> None:
    """Run the command line; a `HeadraceError` becomes one sentence and an exit code."""
    try:
        headrace(standalone_mode=True)
    except HeadraceError as error:
        click.echo(f"headrace: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
