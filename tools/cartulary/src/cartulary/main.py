"""The command line: run everything, make the demo company, look at events."""

import asyncio
import json
import sys

import click
from common.settings import SettingsRefused

from cartulary.embedded import PortTaken, run
from cartulary.layout import SERVICES, Layout
from cartulary.seed import SeedFailed, seed
from cartulary.tail import flaws, line, tail


@click.group()
def cli() -> None:
    """Cartulary: accounts and business cards on an event log."""


@cli.command("run")
def run_command() -> None:
    """Start everything in one process; PORT and VAR_DIR choose where."""
    try:
        run(_layout())
    except (PortTaken, SettingsRefused) as error:
        raise click.ClickException(str(error)) from error


@cli.command("seed")
def seed_command() -> None:
    """Make the demo company in the system that runs."""
    layout = _layout()
    try:
        demo = asyncio.run(seed(layout))
    except OSError as error:
        raise click.ClickException(
            f"Nothing answers at {layout.url}. Start it first: make run"
        ) from error
    except SeedFailed as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{demo.email}  password: {demo.password}  {layout.url}/view/{demo.card_id}")


@cli.group()
def events() -> None:
    """Look at what is recorded."""


@events.command("tail")
@click.option("--last", default=20, show_default=True, help="How many old events to begin with.")
@click.option("--no-follow", is_flag=True, help="End after the old ones.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tail_command(last: int, no_follow: bool, as_json: bool) -> None:
    """Show events as they are recorded, and pages that the gateway dropped because of them."""

    async def show() -> None:
        async for entry in tail(_layout(), last=last, follow=not no_follow):
            click.echo(json.dumps(entry) if as_json else line(entry))

    try:
        asyncio.run(show())
    except (FileNotFoundError, ConnectionError) as error:
        raise click.ClickException("No PostgreSQL runs there. Start it first: make run") from error
    except KeyboardInterrupt:
        sys.exit(0)


@events.command("verify")
def verify_command() -> None:
    """Check the hash chain of every stream of every service."""
    wrong = 0
    for service in SERVICES:
        try:
            found = asyncio.run(flaws(_layout(), service))
        except (FileNotFoundError, ConnectionError) as error:
            raise click.ClickException("No PostgreSQL runs there: make run") from error
        wrong += len(found)
        for flaw in found:
            click.echo(f"{service}: {flaw.stream} v{flaw.version}: {flaw.problem}")
        click.echo(f"{service}: {'whole' if not found else f'{len(found)} flaws'}")
    if wrong:
        sys.exit(1)


def _layout() -> Layout:
    try:
        return Layout.from_environment()
    except ValueError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    cli()
