"""The command line: run everything, make the demo company, operate what runs."""

import asyncio
import sys

import click
from common.observability import configure_logging
from common.settings import SettingsRefused

from cartulary.admin import admin
from cartulary.backups import backup
from cartulary.dead_letters import dead_letters
from cartulary.documents import docs
from cartulary.embedded import PortTaken, run
from cartulary.events import events
from cartulary.followers import followers
from cartulary.keys import keys
from cartulary.options import layout
from cartulary.seed import SeedFailed, seed
from cartulary.views import views


@click.group()
def cli() -> None:
    """Cartulary: accounts and business cards on an event log.

    \b
    Exit codes: 0 all is well, 1 something is wrong or did not succeed,
                2 a wrong question, 3 the answer could not be had.
    """
    # answers go to stdout alone, so that a program can read them
    configure_logging(level="warning", file=sys.stderr)


@cli.command("run")
def run_command() -> None:
    """Start everything in one process; PORT and VAR_DIR choose where."""
    try:
        run(layout())
    except (PortTaken, SettingsRefused) as error:
        raise click.ClickException(str(error)) from error


@cli.command("seed")
def seed_command() -> None:
    """Make the demo company in the system that runs."""
    place = layout()
    try:
        demo = asyncio.run(seed(place))
    except OSError as error:
        raise click.ClickException(
            f"Nothing answers at {place.url}. Start it first: make run"
        ) from error
    except SeedFailed as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{demo.email}  password: {demo.password}  {place.url}/view/{demo.card_id}")


cli.add_command(events)
cli.add_command(views)
cli.add_command(dead_letters)
cli.add_command(followers)
cli.add_command(admin)
cli.add_command(keys)
cli.add_command(backup)
cli.add_command(docs)


if __name__ == "__main__":
    cli()
