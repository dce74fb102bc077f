"""Rows of text in aligned columns."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of equally many cells, the heading first where there is one.

    On a terminal the last column wraps at its width; elsewhere a row is one line.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)][:-1]
    indent = sum(widths) + 2 * len(widths)
    room = max(shutil.get_terminal_size().columns - indent, 30) if sys.stdout.isatty() else None
    for row in rows:
        first = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        last = textwrap.wrap(row[-1], room) if room else [row[-1]]
        click.echo((first + f"\n{' ' * indent}".join(last)).rstrip())
