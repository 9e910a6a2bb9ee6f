"""SQLAlchemy Core as the language, asyncpg as the driver: statements compiled once, at import.

SQLAlchemy's own execution costs more than PostgreSQL's answer on the hot path (measured: a third of
the commands per second), so it describes tables and writes SQL here, and asyncpg runs it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import dialect

_DIALECT = dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped


class Statement:
    """One compiled statement; values are given by name at each call."""

    __slots__ = ("_defaults", "_names", "_pick", "text")

    def __init__(self, statement: sa.ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        self._names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        self._pick = itemgetter(*self._names) if len(self._names) > 1 else None
        self._defaults: Mapping[str, Any] = compiled.params

    @property
    def parameters(self) -> int:
        """How many values it takes."""
        return len(self._names)

    def arguments(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """The values in the order of the placeholders. Raises `KeyError` for a missing one."""
        if self._pick is not None:
            try:
                picked: Sequence[Any] = self._pick(values)
            except KeyError:
                pass  # it has a default, or is reported below
            else:
                return picked
        return [values[n] if n in values else self._default(n) for n in self._names]

    def _default(self, name: str) -> Any:
        value = self._defaults[name]
        if value is None:
            raise KeyError(f"no value for {name!r} in: {self.text}")
        return value


class Write(NamedTuple):
    """One change of one row, described and not yet done. `key` tells rows apart.

    Writes with the same key keep their order; others may be regrouped, so that a thousand writes
    of few kinds become few round trips.
    """

    statement: Statement
    values: Mapping[str, Any]
    key: object


def grouped(writes: Iterable[Write]) -> list[tuple[Statement, list[Sequence[Any]]]]:
    """Batches that may run one after another: per key in the given order."""
    groups: list[tuple[Statement, list[Sequence[Any]]]] = []
    newest: dict[Statement, int] = {}
    touched: dict[object, int] = {}
    for statement, values, key in writes:
        group, last = newest.get(statement, -1), touched.get(key, -1)
        if group < last or group < 0:
            group = len(groups)
            groups.append((statement, []))
            newest[statement] = group
        groups[group][1].append(statement.arguments(values))
        if group != last:
            touched[key] = group
    return groups


MOST_TOGETHER = 8
"""Writes that go along in one statement; more are cheaper as batches of their own."""


def go_together(writes: Sequence[Write]) -> bool:
    """Whether one statement can do all: PostgreSQL changes a row only once in a statement."""
    return len(writes) <= MOST_TOGETHER and len({write.key for write in writes}) == len(writes)


def together(
    last: str, arguments: Sequence[object], writes: Sequence[Write]
) -> tuple[str, list[object]]:
    """One statement that does the writes and `last`, all or nothing, in one round trip.

    `last` begins with `with`; the writes become members of it.
    """
    given = list(arguments)
    for write in writes:
        given += write.statement.arguments(write.values)
    return _together(last, len(arguments), tuple(write.statement for write in writes)), given


@lru_cache(maxsize=1_000)
def _together(last: str, used: int, statements: tuple[Statement, ...]) -> str:
    members = []
    for n, statement in enumerate(statements):
        members.append(f"write_{n} as ({_renumbered(statement.text, used)})")
        used += statement.parameters
    head, _, tail = last.strip().partition("with ")
    return f"{head}with {', '.join([*members, tail])}"


def _renumbered(text: str, by: int) -> str:
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + by}", text)
