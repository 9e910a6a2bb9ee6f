"""`cartulary followers`: how far each cursor is, and who makes all of them wait."""

from textwrap import shorten
from typing import Any

import click
from common.follower_status import FollowerStatus, Following, Holder, following

from cartulary.options import as_json, layout, where
from cartulary.output import ask, document, span, table, when
from cartulary.services import Place, places

QUERY_SHOWN = 160
HEADERS = ("FOLLOWER", "POSITION", "BEHIND", "FOR", "LED BY", "EPOCH", "BEAT")


@click.command("followers")
@where
@as_json
def followers(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """Show every follower of the logs: relays, processors, and whatever else has a cursor.

    BEHIND counts positions up to the horizon, FOR is the age of the oldest event not passed.
    The horizon stands still while a transaction that has appended does not end: it is then shown
    with its process, and ends by itself after 15 s idle, or by pg_terminate_backend(PID).

    \b
    Example:
      cartulary followers --service cards
    """
    found = places(layout(), services, database_url)
    results: list[tuple[Place, Following]] = ask(lambda: _look(found))
    if as_json:
        document([{"service": place.name, **vars(status)} for place, status in results])
        return
    for place, status in results:
        _print(place, status)


async def _look(found: list[Place]) -> list[tuple[Place, Following]]:
    results = []
    for place in found:
        async with place.database() as database:
            results.append((place, await following(database)))
    return results


def _print(place: Place, status: Following) -> None:
    held = status.reserved - status.horizon
    behind = f", held {held} below the last position drawn, {status.reserved}" if held else ""
    click.echo(f"{place.name}: horizon {status.horizon}{behind}")
    table(HEADERS, [_row(f, status) for f in status.followers], indent="  ")
    for holder in status.holders:
        _print_holder(holder)
    click.echo()


def _row(follower: FollowerStatus, status: Following) -> tuple[Any, ...]:
    led = f"{follower.owner} (pid {follower.leader_pid})" if follower.leader_pid else "nobody"
    return (
        follower.name,
        follower.position,
        follower.lag_positions,
        span(follower.lag_seconds) if follower.lag_seconds else "-",
        led,
        follower.epoch,
        when(follower.beat, status.now),
    )


def _print_holder(holder: Holder) -> None:
    if holder.pid is None:
        click.echo(f"  held at {holder.floor} by a prepared transaction (pg_prepared_xacts)")
        return
    name = f" ({holder.application_name})" if holder.application_name else ""
    if holder.hidden:
        click.echo(
            f"  held at {holder.floor} by pid {holder.pid}{name}; its query is hidden from this "
            "role, a member of pg_read_all_stats sees it"
        )
        return
    since = span(holder.seconds or 0)
    click.echo(f"  held at {holder.floor} by pid {holder.pid}{name}, {holder.state}, for {since}")
    click.echo(f"    {shorten(holder.query or '', QUERY_SHOWN, placeholder=' …')}")
