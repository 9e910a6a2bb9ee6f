"""The command line: run everything, make the demo company, operate what runs."""

import sys
from collections.abc import Mapping
from importlib import import_module

import click
from common.observability import configure_logging

COMMANDS: Mapping[str, tuple[str, str]] = {
    "admin": ("cartulary.admin", "admin"),
    "backup": ("cartulary.backups", "backup"),
    "dead-letters": ("cartulary.dead_letters", "dead_letters"),
    "docs": ("cartulary.documents", "docs"),
    "events": ("cartulary.events", "events"),
    "followers": ("cartulary.followers", "followers"),
    "keys": ("cartulary.keys", "keys"),
    "run": ("cartulary.starting", "run_command"),
    "seed": ("cartulary.starting", "seed_command"),
    "views": ("cartulary.views", "views"),
}
"""Where each stands: who looks at events need not wait for a web framework."""


class _Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands)
def cli() -> None:
    """Cartulary: accounts and business cards on an event log.

    \b
    Exit codes: 0 all is well, 1 something is wrong or did not succeed,
                2 a wrong question, 3 the answer could not be had.
    """
    # answers go to stdout alone, so that a program can read them
    configure_logging(level="warning", file=sys.stderr)


if __name__ == "__main__":
    cli()
