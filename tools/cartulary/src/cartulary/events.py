"""`cartulary events`: follow the logs, look at one stream, check that the logs are whole."""

import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from common.event_types import EventTypes
from common.stream_history import ShownEvent, find_streams, history, newest_streams
from common.verification import log_size, verify_log

from cartulary.options import as_json, layout, where
from cartulary.output import ask, document, json_line, note, unknown, when
from cartulary.services import KNOWN, Place, places
from cartulary.tail import Filter, Start, line, tail

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.group()
def events() -> None:
    """Look at what is recorded, and whether it is as it was written."""


@events.command("tail")
@where
@click.option("--stream", metavar="NAME", help="Only this stream, or a category such as card.")
@click.option("--type", "types", multiple=True, metavar="NAME", help="Only these types of events.")
@click.option(
    "--from", "since", metavar="WHERE", help="A position, an RFC 3339 time, or an age such as 15m."
)
@click.option(
    "--last",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many old events to begin with, without --from.",
)
@click.option("--no-follow", is_flag=True, help="End after the old ones.")
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line.")
def tail_command(
    services: tuple[str, ...],
    database_url: str | None,
    stream: str | None,
    types: tuple[str, ...],
    since: str | None,
    **how: Any,
) -> None:
    """Show events as they are recorded, and pages that the gateway dropped because of them.

    \b
    Examples:
      cartulary events tail
      cartulary events tail --service cards --type cards.card_created --from 15m
      cartulary events tail --stream account --json | jq .type
    """
    found = places(layout(), services, database_url)
    _check_types(found, types)
    start = _start(since, how["last"])
    wanted = Filter(stream, types)

    follow = not how["no_follow"]

    async def show() -> None:
        async for entry in tail(found, start, wanted, news=not services, follow=follow):
            if how["json_lines"]:
                json_line(entry)
            else:
                click.echo(line(entry))

    try:
        ask(show)
    except KeyboardInterrupt:
        sys.exit(0)


@events.command("show")
@click.argument("what")
@where
@click.option("--reveal", is_flag=True, help="Open the personal fields.")
@as_json
def show_command(
    what: str, services: tuple[str, ...], database_url: str | None, reveal: bool, as_json: bool
) -> None:
    """Show a stream's events in version order; WHAT is its name, or an id of one of its events.

    The id alone (of a card, an account) will do. Personal fields read "[sealed]".
    Exits 1 when an event is not the one that was written.

    \b
    Examples:
      cartulary events show card-019f2c5e-77aa-7cc1-9d1b-0f3c6a5e4b21
      cartulary events show 019f2c5e-77aa-7cc1-9d1b-0f3c6a5e4b21 --service cards --json
    """
    found = places(layout(), services, database_url)
    shown: list[tuple[Place, ShownEvent]] = ask(lambda: _shown(found, what, reveal))
    if as_json:
        document([{"service": place.name, **asdict(event)} for place, event in shown])
    else:
        for place, event in shown:
            _print(place, event)
    if not all(event.whole for _, event in shown):
        sys.exit(1)


@events.command("verify")
@where
@as_json
def verify_command(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """Check the hash chain of every stream: changed events, holes, cut ends. Exits 1 for a flaw.

    \b
    Example:
      cartulary events verify --service cards
    """
    found = places(layout(), services, database_url)
    results: list[dict[str, Any]] = ask(lambda: _verify(found))
    if as_json:
        document(results)
    else:
        for result in results:
            _print_verified(result)
    if any(result["flaws"] for result in results):
        sys.exit(1)


async def _verify(found: list[Place]) -> list[dict[str, Any]]:
    results = []
    for place in found:
        async with place.database() as database:
            count, streams = await log_size(database)
            flaws = [flaw async for flaw in verify_log(database)]
        results.append({"service": place.name, "events": count, "streams": streams, "flaws": flaws})
    return results


def _print_verified(result: dict[str, Any]) -> None:
    service, flaws = result["service"], result["flaws"]
    for flaw in flaws:
        click.echo(f"{service}: {flaw.stream} v{flaw.version}: {flaw.problem}")
    verdict = "whole" if not flaws else f"{len(flaws)} flaws"
    click.echo(f"{service}: {verdict} ({result['events']} events in {result['streams']} streams)")


async def _shown(found: list[Place], what: str, reveal: bool) -> list[tuple[Place, ShownEvent]]:
    shown: list[tuple[Place, ShownEvent]] = []
    known: list[str] = []
    for place in found:
        async with place.database() as database:
            streams = await find_streams(database, place.service.declaration.source, what)
            known += await newest_streams(database)
        if streams:
            async with place.kernel() as kernel:
                for stream, version in streams:
                    events = await history(kernel.database, kernel.store, stream, reveal=reveal)
                    shown += [(place, e) for e in events if version in (None, e.version)]
    if not shown:
        raise unknown("stream or event", what, known)
    return shown


def _print(place: Place, event: ShownEvent) -> None:
    broken = "" if event.whole else "   NOT THE EVENT THAT WAS WRITTEN"
    click.echo(f"{event.stream} v{event.version}  {event.type} (schema {event.schema}){broken}")
    click.echo(
        f"  {place.name} position {event.position}, {when(event.recorded_at)}, id {event.id}"
    )
    for label, values in (("data", event.data), ("meta", event.meta)):
        for name, value in values.items():
            click.echo(f"  {label}  {name}: {value}")
    click.echo(f"  hash  {'ok' if event.whole else 'wrong'}\n")


def _check_types(found: list[Place], types: tuple[str, ...]) -> None:
    known = [
        event_type.name
        for place in found
        for event_type in EventTypes(*KNOWN[place.name].declaration.events)
    ]
    for name in types:
        if name not in known:
            raise unknown("type of event", name, known)


def _start(since: str | None, last: int) -> Start:
    """Raises `UsageError` for what is neither a position nor a time nor an age."""
    if since is None:
        return Start(last)
    if since.isdecimal() and 0 < int(since) < 2**63:
        note("A position is one service's: each starts at its own.")
        return Start(last, position=int(since))
    if age := re.fullmatch(r"(\d{1,6})([smhd])", since):
        past = timedelta(**{UNITS[age[2]]: int(age[1])})
        return Start(last, at=datetime.now(UTC) - past)
    try:
        at = datetime.fromisoformat(since)
    except ValueError as error:
        raise click.UsageError(
            f"--from {since}: a position (17), a time (2026-01-31T12:00:00Z) or an age (15m)."
        ) from error
    return Start(last, at=at if at.tzinfo else at.replace(tzinfo=UTC))
