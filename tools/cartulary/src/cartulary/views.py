"""`cartulary views`: are the read models current, and what the logs fold to? Build one anew."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import click
from common.read_models import ReadModel, RebuildUnderWay, WritersBusy, rebuild
from common.view_checks import Comparison, NotLive, ViewStatus, compare, view_status

from cartulary.options import as_json, layout, where
from cartulary.output import Progress, ask, document, size, table, unknown
from cartulary.services import Place, places

View = tuple[Place, ReadModel]


@click.group()
def views() -> None:
    """Read models: tables that follow from a service's own log."""


@views.command("status")
@where
@as_json
def status_command(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """Show each view's state. Exits 1 when one is not live.

    \b
    outdated   built by other code; the service builds it anew at its next start
    missing    never built, or somebody dropped its tables
    A live view is as new as its log: it is written with the events.

    \b
    Example:
      cartulary views status --json
    """
    found = places(layout(), services, database_url)
    results: list[tuple[Place, ViewStatus]] = ask(lambda: _status(found))
    if as_json:
        document([{"service": place.name, **vars(status)} for place, status in results])
    else:
        headers = ("SERVICE", "VIEW", "STATE", "LIVE", "CODE", "BUILT TO", "HORIZON", "SIZE", "NOW")
        table(headers, [_row(place, status) for place, status in results])
    if any(status.state != "live" for _, status in results):
        sys.exit(1)


@views.command("rebuild")
@click.argument("name")
@where
@as_json
def rebuild_command(
    name: str, services: tuple[str, ...], database_url: str | None, as_json: bool
) -> None:
    """Build the tables of a view from its log and put them in the place of the live ones.

    Readers and writers go on until the switch at the end. Interrupted, it changes nothing.

    \b
    Example:
      cartulary views rebuild cards
    """
    view = _named(places(layout(), services, database_url), name)
    events: int = ask(lambda: _rebuild(view))
    if as_json:
        document({"service": view[0].name, "view": name, "events": events})
    else:
        click.echo(f"{name}: built anew from {events} events")


@views.command("verify")
@click.argument("name", required=False)
@where
@as_json
def verify_command(
    name: str | None, services: tuple[str, ...], database_url: str | None, as_json: bool
) -> None:
    """Fold the log beside the live tables and compare row by row. Exits 1 for a difference.

    Both are looked at as of one moment, so it may run while people write. It rewrites nothing;
    rows are named by their keys, values are not shown.

    \b
    Examples:
      cartulary views verify
      cartulary views verify cards --json
    """
    found = places(layout(), services, database_url)
    chosen = [_named(found, name)] if name else _views(found)
    results: list[Comparison] = [ask(partial(_compare, view)) for view in chosen]
    if as_json:
        document(results)
    else:
        for result in results:
            _print(result)
    if any(result.differences for result in results):
        sys.exit(1)


async def _status(found: Sequence[Place]) -> list[tuple[Place, ViewStatus]]:
    results = []
    for place in found:
        async with place.database() as database:
            for read_model in place.service.declaration.read_models:
                results.append((place, await view_status(database, read_model)))
    return results


async def _rebuild(view: View) -> int:
    place, read_model = view
    progress = Progress(read_model.name)
    async with place.kernel() as kernel:
        try:
            return await rebuild(kernel.database, kernel.store, read_model, progress)
        except (RebuildUnderWay, WritersBusy) as error:
            raise _refused(read_model, error) from error
        finally:
            progress.done()


async def _compare(view: View) -> Comparison:
    place, read_model = view
    progress = Progress(read_model.name)
    async with place.kernel() as kernel:
        try:
            return await compare(kernel.database, kernel.store, read_model, progress)
        except (RebuildUnderWay, WritersBusy, NotLive) as error:
            raise _refused(read_model, error) from error
        finally:
            progress.done()


def _refused(read_model: ReadModel, error: Exception) -> click.ClickException:
    match error:
        case RebuildUnderWay():
            why = "another process rebuilds or verifies it at this moment (views status says which)"
        case WritersBusy():
            why = "a transaction on its tables does not end (cartulary followers may show it)"
        case _:
            why = f"{error}; there is nothing to compare (views rebuild builds it)"
    return click.ClickException(f"{read_model.name}: {why}. Nothing was changed.")


def _views(found: Sequence[Place]) -> list[View]:
    return [(place, view) for place in found for view in place.service.declaration.read_models]


def _named(found: Sequence[Place], name: str) -> View:
    """Raises `UsageError` for a name that is none of a view, or of one made of messages."""
    known = _views(found)
    chosen = [view for view in known if view[1].name == name]
    if len(chosen) > 1:
        owners = " or ".join(place.name for place, _ in chosen)
        raise click.UsageError(f"There is a view {name} in {owners}: say which with --service.")
    if chosen:
        return chosen[0]
    made_of_messages = [one for place in found for one in ask(partial(_messages, place))]
    if name in made_of_messages:
        raise click.UsageError(
            f"What follows from {name} is made of another service's messages: there is no log here "
            "to fold. It heals by its messages; look at dead-letters list."
        )
    raise unknown("view", name, [view.name for _, view in known])


async def _messages(place: Place) -> list[str]:
    async with place.inbox() as (_, inbox):
        return inbox.message_views


def _row(place: Place, status: ViewStatus) -> tuple[Any, ...]:
    leftover = "an interrupted rebuild left tables" if status.leftover else None
    work = f"{status.work} by pid {status.pid}" if status.work else leftover
    return (
        place.name,
        status.name,
        status.state,
        status.live_signature,
        status.code_signature,
        status.built_to,
        status.horizon,
        size(status.bytes),
        work,
    )


def _print(result: Comparison) -> None:
    at = f"{result.rows} rows from {result.events} events, at position {result.position}"
    if not result.differences:
        click.echo(f"{result.view}: the same as its log ({at})")
        return
    for difference in result.first:
        key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
        what = {
            "missing": "is missing",
            "surplus": "should not be there",
            "differs": f"differs in {', '.join(difference.columns)}",
        }[difference.kind]
        click.echo(f"{result.view}: {difference.table} {key} {what}")
    more = result.differences - len(result.first)
    click.echo(
        f"{result.view}: not what the log says, in {result.differences} of its rows ({at})"
        + (f"; {more} are not listed" if more else "")
    )
