"""`cartulary dead-letters`: messages that could not be handled; try them again or give them up."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import asyncpg
import click
from common.parking import Letter
from common.replaying import Replayed

from cartulary.options import as_json, layout, where
from cartulary.output import ask, document, note, span, table, when
from cartulary.parked_streams import (
    Parked,
    find_letters,
    find_parked,
    give_up,
    listed_letters,
    only,
    replay_all,
)
from cartulary.services import places

HEADERS = ("ID", "STREAM", "V", "TYPE", "REASON", "TRIES", "PARKED", "ERROR")
SEALED = "sealed"


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that could not be handled. Their streams wait, all others go on.

    \b
    poison       the code failed on it; mend the code, then replay
    gap          messages before it are missing; tried again by itself
    undelivered  whoever took it ended, again and again
    malformed    not a message at all
    behind       waits for one of these in its stream
    """


@dead_letters.command("list")
@where
@as_json
def list_command(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """List what is parked: by consumer and stream, in version order.

    \b
    Example:
      cartulary dead-letters list --service cards
    """
    found = places(layout(), services, database_url)
    rows = [row for _, row in ask(lambda: listed_letters(found))]
    if as_json:
        document([dict(row) for row in rows])
    elif not rows:
        click.echo("Nothing is parked.")
    for (consumer, source), of_both in groupby(() if as_json else rows, _consumer_and_source):
        click.echo(f"{consumer}, from {source}:")
        table(HEADERS, [_row(row) for row in of_both], indent="  ")


@dead_letters.command("show")
@click.argument("what")
@where
@click.option("--reveal", is_flag=True, help="Show bytes that are no message, too.")
@as_json
def show_command(
    what: str, services: tuple[str, ...], database_url: str | None, reveal: bool, as_json: bool
) -> None:
    """Show a stream's letters with what they say; WHAT is the stream's name or a letter's ID.

    Personal fields stay sealed.

    \b
    Example:
      cartulary dead-letters show account-019f2c5e-77aa-7cc1-9d1b-0f3c6a5e4b21
    """
    found = places(layout(), services, database_url)
    letters: list[Letter] = ask(lambda: find_letters(found, what))
    shown = [{**asdict(letter), "raw": _content(letter, reveal)} for letter in letters]
    if as_json:
        document(shown)
        return
    for letter in shown:
        click.echo(f"{letter['stream']} v{letter['version']}  {letter['type'] or 'no type'}")
        click.echo(f"  letter {letter['id']} of {letter['consumer']}, from {letter['source']}")
        click.echo(f"  {letter['reason']}: {letter['error']}; tries: {letter['attempts']}")
        click.echo(f"  parked {when(letter['parked_at'])}")
        click.echo(f"  {json.dumps(letter['raw'], ensure_ascii=False)}\n")


@dead_letters.command("replay")
@click.argument("stream", required=False)
@where
@click.option("--all", "everything", is_flag=True, help="Every stream that is parked.")
@click.option("--source", metavar="NAME", help="Of whom, when two sources have such a stream.")
@as_json
def replay_command(
    stream: str | None,
    services: tuple[str, ...],
    database_url: str | None,
    everything: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Handle a stream's letters again, in order, by the code of the consumer.

    Each is handled and removed in one transaction, so it may be interrupted. The first that
    fails again stays, and the rest behind it: exit code 1.

    \b
    Examples:
      cartulary dead-letters replay account-019f2c5e-77aa-7cc1-9d1b-0f3c6a5e4b21
      cartulary dead-letters replay --all --service cards
    """
    if (stream is None) is not everything:
        raise click.UsageError("Name a stream, or say --all.")
    found = places(layout(), services, database_url)
    parked = ask(lambda: find_parked(found, stream, source))
    _tell(ask(lambda: replay_all(parked)), as_json)


@dead_letters.command("drop")
@click.argument("stream")
@where
@click.option("--all", "everything", is_flag=True, help="The whole stream, not only its first.")
@click.option("--source", metavar="NAME", help="Of whom, when two sources have such a stream.")
@click.option("--reason", metavar="TEXT", help="Why; written to the log with your name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def drop_command(
    stream: str,
    services: tuple[str, ...],
    database_url: str | None,
    source: str | None,
    **how: Any,
) -> None:
    """Give up a stream's first letter: it will never have its effect here. Then the rest goes on.

    \b
    Example:
      cartulary dead-letters drop account-019f… --reason "test account, see issue 12"
    """
    found = places(layout(), services, database_url)
    parked = only(ask(lambda: find_parked(found, stream, source)))
    if not how["yes"]:
        letters: list[Letter] = ask(lambda: find_letters([parked.place], stream))
        last = letters[-1] if how["everything"] else letters[0]
        versions = f"v{letters[0].version}" + (
            f" to v{last.version}" if last.id != letters[0].id else ""
        )
        click.confirm(
            f"Give up {stream} {versions} from {parked.source} for good?", abort=True, err=True
        )
    reason = how["reason"] or "not given"
    dropped: list[Letter] = ask(lambda: give_up(parked, not how["everything"], reason))
    if not how["as_json"]:
        for letter in dropped:
            click.echo(f"{stream} v{letter.version} {letter.type}: dropped")
    outcome: list[tuple[Parked, Replayed]] = ask(lambda: replay_all([parked]))
    _tell(outcome, how["as_json"], dropped)


def _tell(
    outcomes: Sequence[tuple[Parked, Replayed]], as_json: bool, dropped: Sequence[Letter] = ()
) -> None:
    """What became of each stream; exits 1 when a letter failed again."""
    if as_json:
        document(
            {
                "dropped": [{"stream": one.stream, "version": one.version} for one in dropped],
                "replayed": [_outcome(parked, done) for parked, done in outcomes],
            }
        )
    for parked, done in outcomes if not as_json else ():
        click.echo(f"{parked.stream}: {done.handled} handled")
        if done.failed:
            note(
                f"{parked.stream} v{done.failed.version} failed again ({done.reason}: "
                f"{done.error}); tries: {done.failed.attempts}, still parked"
            )
    if not outcomes and not as_json:
        click.echo("Nothing is parked.")
    if any(done.failed for _, done in outcomes):
        sys.exit(1)


def _outcome(parked: Parked, done: Replayed) -> dict[str, Any]:
    failed = done.failed and {
        "version": done.failed.version,
        "type": done.failed.type,
        "attempts": done.failed.attempts,
        "reason": done.reason,
        "error": done.error,
    }
    return {
        "consumer": parked.place.name,
        "source": parked.source,
        "stream": parked.stream,
        "handled": done.handled,
        "failed": failed,
    }


def _consumer_and_source(row: asyncpg.Record) -> tuple[str, str]:
    return row["consumer"], row["source"]


def _row(row: asyncpg.Record) -> tuple[Any, ...]:
    return (
        row["id"],
        row["stream"],
        row["version"],
        row["type"],
        row["reason"],
        row["attempts"],
        f"{span((datetime.now(UTC) - row['parked_at']).total_seconds())} ago",
        row["error"],
    )


def _content(letter: Letter, reveal: bool) -> Any:
    """The message, its sealed parcel left out; bytes that are none only when asked for."""
    if letter.raw is None:
        return "[erased]"
    try:
        content = json.loads(letter.raw)
    except ValueError:
        content = None
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        if SEALED in content["data"]:
            content["data"] = {**content["data"], SEALED: "[sealed]"}
        return content
    return letter.raw.decode(errors="replace") if reveal else f"[{len(letter.raw)} bytes]"
