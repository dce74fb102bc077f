"""The command line: `headrace`, one file a command."""

import importlib
import sys
from typing import Final

import click

from flows.logs import last_words
from schemas.errors import HeadraceError, UsageError

MODULES: Final = {
    "demo": "demo",
    "run": "run",
    "status": "status",
    "features": "features",
    "trending": "trending",
    "erase": "erase",
    "doctor": "doctor",
    "keys": "keys",
    "schemas": "schemas",
    "settings": "settings",
    "simulate": "simulate",
    "import": "import_",
    "export": "export",
    "tail": "tail",
    "topics": "topics",
}
"""The module of this package that has each command, in the order of the help page."""


class Commands(click.Group):
    """Loads a command when it is asked for: reading one vector needs no engine."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in MODULES:
            return None
        module = importlib.import_module(f"flows.cli.{MODULES[cmd_name]}")
        found: list[click.Command] = module.COMMANDS
        return next(command for command in found if command.name == cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="headrace")
def headrace() -> None:
    """Stream processing for social news feeds: live features, inboxes and training data from Kafka or files."""


def main() -> None:
    """Run the command line; a `HeadraceError` becomes one sentence and an exit code."""
    try:
        headrace(standalone_mode=True)
    except HeadraceError as error:
        last_words(str(error))
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the last place where a defect, or a panic, can be put into words
        last_words(
            f"stopped by a defect ({error!r}): please report it with the lines above; "
            "a flow goes on from its last snapshot when it is started again",
            error,
        )
        sys.exit(1)
