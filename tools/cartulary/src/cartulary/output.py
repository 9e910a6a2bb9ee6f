"""How the command line speaks: tables for people, one JSON document for programs, exit codes.

0: all is well; 1: something is wrong, or did not succeed; 2: the question is wrong, with what is
known instead; 3: the answer could not be had.
"""

import asyncio
import difflib
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click
from common.database import OUTCOME_UNKNOWN
from common.event_types import UnknownEventType
from common.personal_data import PersonalDataUnreadable
from common.settings import StartRefused

NAMES_SHOWN = 20


class Unreachable(click.ClickException):
    """The answer could not be had."""

    exit_code = 3


def unknown(kind: str, name: str, known: Sequence[str]) -> click.UsageError:
    """A name that there is not: what is close to it, and what there is."""
    close = difflib.get_close_matches(name, known, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    names = ", ".join(known[:NAMES_SHOWN])
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    listed = f" Known: {names}{more}." if known else ""
    return click.UsageError(f"There is no {kind} {name}.{hint}{listed}")


def ask(question: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run to the end; what can go wrong on the way to a database becomes one clear line."""
    try:
        return asyncio.run(question())
    except BrokenPipeError:
        raise  # whoever reads us has seen enough, and click knows what to do
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise click.UsageError(f"The database's address is none: {error}") from error
    except TOLD as error:
        raise Unreachable(_explained(error)) from error


def _explained(error: BaseException) -> str:
    texts = (text for kinds, text in EXPLAINED if isinstance(error, kinds))
    return next(texts, "{error}").format(error=error, kind=type(error).__name__)


EXPLAINED: list[tuple[tuple[type[Exception], ...], str]] = [
    (
        (PersonalDataUnreadable,),
        "The data key is not the one that this service seals with: set its DATA_KEY.",
    ),
    ((UnknownEventType,), "This command is older than the log: {error}."),
    (
        (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError),
        "This database was never prepared by its service, which does it at its start: {error}.",
    ),
    (
        (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.InsufficientPrivilegeError,
        ),
        "PostgreSQL refuses: {error}.",
    ),
    (OUTCOME_UNKNOWN, "PostgreSQL does not answer ({kind}): {error}"),
]
"""Errors on the way to an answer, and what to tell of them; the first that fits."""

TOLD: tuple[type[BaseException], ...] = (
    StartRefused,
    *(k for kinds, _ in EXPLAINED for k in kinds),
)


def document(value: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def json_line(value: object) -> None:
    """One JSON object a line."""
    click.echo(json.dumps(_plain(value), ensure_ascii=False))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], indent: str = "") -> None:
    """Aligned columns, numbers to the right."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    right = [
        bool(rows) and all(isinstance(row[n], int | float) for row in rows)
        for n in range(len(headers))
    ]
    for line in [list(headers), *texts]:
        cells = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(line, widths, right, strict=True)
        ]
        click.echo((indent + "  ".join(cells)).rstrip())


def when(at: datetime | None, now: datetime | None = None) -> str:
    """`3 min ago, 2026-01-31 12:00:00Z`."""
    if at is None:
        return "never"
    age = ((now or datetime.now(UTC)) - at).total_seconds()
    return f"{span(age)} ago, {at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def span(seconds: float) -> str:
    """`0.2 s`, `40 s`, `3 min`, `5 h`, `12 d`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    for unit, size, until in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def size(count: int) -> str:
    """`12 kB`, `3.4 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1_000:
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} GB"


def note(text: str) -> None:
    """Something beside the answer, to stderr."""
    click.echo(text, err=True)


class Progress:
    """Events per second on stderr: one line that changes for people, one every few for logs."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = self._told = asyncio.get_running_loop().time()
        self._live = sys.stderr.isatty()

    def __call__(self, events: int, position: int, horizon: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told >= (0.1 if self._live else 2.0) or position >= horizon:
            self._told = now
            speed = events / max(now - self._started, 1e-6)
            share = 100 * position / horizon if horizon else 100
            text = f"{self._what}: {events} events, {speed:,.0f}/s, {share:.0f} % of the log"
            click.echo(f"\r\033[K{text}" if self._live else text, nl=not self._live, err=True)

    def done(self) -> None:
        """End the line that changed."""
        if self._live:
            click.echo(err=True)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value}"


def _plain(value: Any) -> Any:
    """What JSON can hold; times in RFC 3339 with `Z`."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
