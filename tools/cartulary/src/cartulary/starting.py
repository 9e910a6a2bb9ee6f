"""`cartulary run` and `cartulary seed`: start everything, make the demo company."""

import asyncio

import click
from common.embedded_postgres import FolderInUse
from common.settings import StartRefused

from cartulary.embedded import PortTaken, run
from cartulary.options import layout
from cartulary.seed import SeedFailed, seed


@click.command("run")
def run_command() -> None:
    """Start everything in one process; PORT and VAR_DIR choose where."""
    try:
        run(layout())
    except (FolderInUse, PortTaken, StartRefused) as error:
        raise click.ClickException(str(error)) from error


@click.command("seed")
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
