"""Where tables with colours go: wide enough for whole rows when it is no terminal."""

import sys

from rich.console import Console

PIPE_WIDTH = 200


def console() -> Console:
    """A console on standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
