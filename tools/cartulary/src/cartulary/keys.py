"""`cartulary keys`: the keys that sign access tokens."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click
from auth.signing_keys import KeyTimes, listed, replace_at_once, rotate

from cartulary.options import as_json, layout
from cartulary.output import ask, document, note, table
from cartulary.services import Place, places

HEADERS = ("KEY", "STATE", "SIGNS FROM", "PUBLISHED UNTIL")

database = click.option("--database-url", metavar="URL", help="Auth's database.")


@click.group("keys")
def keys() -> None:
    """The keys that sign access tokens. They are renewed by themselves every ninety days."""


@keys.command("list")
@database
@as_json
def list_command(database_url: str | None, as_json: bool) -> None:
    """Show the next key, the current one, and those that retire."""
    place = _auth(database_url)
    found: list[KeyTimes] = ask(lambda: _listed(place))
    if as_json:
        document([_plain(key) for key in found])
    else:
        _print(found)


@keys.command("rotate")
@click.option(
    "--at-once",
    is_flag=True,
    help="A key has leaked: believe no token of any older key; everybody has to refresh.",
)
@database
def rotate_command(at_once: bool, database_url: str | None) -> None:
    """Publish a next key, which signs a quarter of an hour from now.

    Repeating it changes nothing while a next key waits.
    """
    place = _auth(database_url)
    if at_once:
        kid: str = ask(lambda: _replace(place))
        note(f"{kid} signs within a minute; all others are gone, for gateways within five.")
        return
    following: KeyTimes = ask(lambda: _rotate(place))
    note(f"{following.kid} is published and signs from {following.signs_from:%H:%M:%SZ}.")


async def _listed(place: Place) -> list[KeyTimes]:
    async with place.database() as database:
        return await listed(database, _now())


async def _rotate(place: Place) -> KeyTimes:
    async with place.kernel() as kernel:
        return await rotate(kernel.database, kernel.store.keys, _now())


async def _replace(place: Place) -> str:
    async with place.kernel() as kernel:
        return await replace_at_once(kernel.database, kernel.store.keys, _now())


def _auth(database_url: str | None) -> Place:
    (place,) = places(layout(), ("auth",), database_url)
    return place


def _print(found: Sequence[KeyTimes]) -> None:
    rows = [
        (
            key.kid,
            key.state.value,
            f"{key.signs_from:%Y-%m-%d %H:%M:%SZ}",
            f"{key.published_until:%Y-%m-%d %H:%M:%SZ}" if key.published_until else "",
        )
        for key in found
    ]
    table(HEADERS, rows)


def _plain(key: KeyTimes) -> dict[str, object]:
    return {**vars(key), "state": key.state.value}


def _now() -> datetime:
    return datetime.now(UTC)
