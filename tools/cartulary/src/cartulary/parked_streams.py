"""Parked streams of all services: found by name, tried again, given up with a line in the log."""

import getpass
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import click
import structlog
from common.inbox import TRANSIENT
from common.parking import Letter, drop, letters_of, list_parked
from common.replaying import Replayed, replay

from cartulary.output import unknown
from cartulary.services import Place

log = structlog.get_logger(__name__)

DROPPED = "dead_letter_dropped"


@dataclass(frozen=True)
class Parked:
    """A stream that is parked at one consumer."""

    place: Place
    source: str
    stream: str


async def listed_letters(found: Sequence[Place]) -> list[tuple[Place, asyncpg.Record]]:
    """Every parked message of these services, without its content."""
    listed = []
    for place in found:
        async with place.database() as database:
            listed += [(place, row) for row in await list_parked(database)]
    return listed


async def find_letters(found: Sequence[Place], what: str) -> list[Letter]:
    """A stream's letters, or one by its id, with their content. Raises `UsageError`."""
    listed = await listed_letters(found)
    letters: list[Letter] = []
    for place in found:
        streams = {
            row["stream"]
            for owner, row in listed
            if owner == place and what in (row["stream"], str(row["id"]))
        }
        async with place.database() as database:
            for stream in sorted(streams):
                letters += await letters_of(database, place.name, stream)
    if not letters:
        raise unknown("dead letter or parked stream", what, _streams(listed))
    return [one for one in letters if what in (one.stream, str(one.id))]


async def find_parked(
    found: Sequence[Place], stream: str | None, source: str | None
) -> list[Parked]:
    """What is meant. Raises `UsageError` when there is no such stream, or two."""
    listed = await listed_letters(found)
    chosen = [
        Parked(place, row["source"], row["stream"])
        for place, row in listed
        if stream in (None, row["stream"]) and source in (None, row["source"])
    ]
    parked = list(dict.fromkeys(chosen))
    if stream is not None:
        if not parked:
            raise unknown("parked stream", stream, _streams(listed))
        only(parked)
    return parked


def only(parked: Sequence[Parked]) -> Parked:
    """The one. Raises `UsageError` when there are two."""
    if len(parked) > 1:
        where = ", ".join(f"{one.place.name} from {one.source}" for one in parked)
        raise click.UsageError(
            f"{parked[0].stream} is parked at {where}: say which with --service and --source."
        )
    return parked[0]


def _streams(listed: Sequence[tuple[Place, asyncpg.Record]]) -> list[str]:
    return list(dict.fromkeys(row["stream"] for _, row in listed))


async def replay_all(parked: Sequence[Parked]) -> list[tuple[Parked, Replayed]]:
    """Replay each stream; what a transient error interrupts is still parked."""
    outcomes = []
    for place in dict.fromkeys(one.place for one in parked):
        async with place.inbox() as (kernel, inbox):
            for one in (one for one in parked if one.place == place):
                try:
                    done = await replay(kernel.database, inbox, one.source, one.stream)
                except TRANSIENT as error:
                    raise click.ClickException(
                        f"{one.stream}: {type(error).__name__}. What was not handled is still "
                        "parked; try again."
                    ) from error
                outcomes.append((one, done))
    return outcomes


async def give_up(parked: Parked, only_first: bool, reason: str) -> list[Letter]:
    """Drop the first letter or all, and write down who did it and why."""
    place = parked.place
    async with place.database() as database:
        dropped = await drop(
            database, place.name, parked.source, parked.stream, only_first=only_first
        )
    for letter in dropped:
        _record(place, letter, reason)
    return dropped


def _record(place: Place, letter: Letter, reason: str) -> None:
    """Who gave up what, and why: to stderr, and to the log of an embedded run."""
    entry = {
        "who": _who(),
        "why": reason,
        "consumer": letter.consumer,
        "source": letter.source,
        "stream": letter.stream,
        "version": letter.version,
        "type": letter.type,
    }
    log.warning(DROPPED, **entry)
    if place.embedded:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {"event": DROPPED, "level": "warning", "timestamp": at, **entry}
        with place.layout.log.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"  # a container's user may have no name
