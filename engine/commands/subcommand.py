"""One command of the command line."""

from __future__ import annotations

import argparse
from typing import Any


def add_subcommand(commands: Any, name: str, help: str, description: str, epilog: str | None = None) -> Any:
    """Adds a command, which is known by its whole name and by that of each of its options alone.

    Args:
        commands: argparse's collection of commands.
        name: what it is called; what is parsed has it as ``command``.
        help: one line for the list of commands.
        description: what it does, above its options.
        epilog: printed as it is written, below them.

    Returns:
        The parser of the command's own arguments.
    """
    command = commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter if epilog else argparse.HelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(command=name)
    return command
