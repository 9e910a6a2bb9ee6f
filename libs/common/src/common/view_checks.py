"""What an operator asks of read models: are they current, and are they what the log folds to?

The comparison folds the log into tables of its own beside the live ones and changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import sqlalchemy as sa

from common.database import Database
from common.event_store import EventStore
from common.read_models import OnProgress, ReadModel, beside, writers_held

SHOWN = 100
"""Differences named in full; all are counted."""


@dataclass(frozen=True)
class ViewStatus:
    """One read model. `state` is `live`, `outdated` (built by other code: the service's next start
    builds it) or `missing`; `work` is `rebuild` or `verify` while process `pid` is at it.

    `built_to` is the position it was built to; from there each transaction kept it up to date.
    `leftover`: an interrupted rebuild left tables that nobody reads; the next one removes them.
    """

    name: str
    state: str
    live_signature: str | None
    code_signature: str
    built_to: int | None
    horizon: int
    bytes: int
    work: str | None
    pid: int | None
    leftover: bool


@dataclass(frozen=True)
class Difference:
    """One row that is not what the log folds to; never its values.

    `kind`: `missing` in the live table, `surplus` there, or `differs` in `columns`.
    """

    table: str
    key: Mapping[str, str]
    kind: str
    columns: Sequence[str]


@dataclass(frozen=True)
class Comparison:
    """The live tables against the fold at one point of the log."""

    view: str
    position: int
    events: int
    rows: int
    differences: int
    first: Sequence[Difference]


class NotLive(Exception):
    """The live tables were built by other code or are missing; the text says which."""


async def view_status(database: Database, read_model: ReadModel) -> ViewStatus:
    """How one read model stands."""
    tables = [table.name for table in read_model.tables]
    async with database.owner() as owner:
        row = await owner.fetchrow(_STATUS, read_model.name, tables)
    state = "live" if row["version"] == read_model.signature else "outdated"
    if row["version"] is None or row["missing_tables"]:
        state = "missing"
    work = "verify" if row["verifying"] else "rebuild"
    return ViewStatus(
        name=read_model.name,
        state=state,
        live_signature=row["version"],
        code_signature=read_model.signature,
        built_to=row["position"],
        horizon=row["horizon"],
        bytes=row["bytes"],
        work=work if row["pid"] else None,
        pid=row["pid"],
        leftover=row["pid"] is None and (row["building"] or row["verifying"]),
    )


async def compare(
    database: Database,
    store: EventStore,
    read_model: ReadModel,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Fold the log beside the live tables and compare them row by row, at one moment.

    Writers are held only while a snapshot is taken: whoever had touched the live tables has then
    committed, so the snapshot holds their events as well. Raises `NotLive`, `RebuildUnderWay`,
    `WritersBusy`.
    """
    status = await view_status(database, read_model)
    if status.state != "live":
        raise NotLive(f"{read_model.name} is {status.state}")
    async with (
        beside(database, store, read_model, "verifying") as (owner, fold),
        database.owner() as reader,
    ):
        await fold.up_to_horizon(owner, on_progress)
        async with reader.transaction(isolation="repeatable_read"):
            async with writers_held(owner, read_model, "share"):
                await reader.fetchval("select 1 from views limit 1")  # takes the snapshot
            await fold.to_the_end(reader)
            found = [await _differences(reader, fold.schema, t) for t in read_model.tables]
            rows = [await reader.fetchval(_count(fold.schema, t)) for t in read_model.tables]
    return Comparison(
        view=read_model.name,
        position=fold.position,
        events=fold.events,
        rows=sum(rows),
        differences=sum(count for count, _ in found),
        first=[difference for _, differences in found for difference in differences][:SHOWN],
    )


async def _differences(
    reader: asyncpg.Connection, schema: str, table: sa.Table
) -> tuple[int, list[Difference]]:
    """How many rows differ, and the first of them in the order of their keys."""
    keys = [column.name for column in table.primary_key]
    rows = await reader.fetch(_DIFFERING.format(**_names(schema, table, keys)), SHOWN)
    differences = [
        Difference(table.name, {k: row[f"key {k}"] for k in keys}, row["kind"], row["columns"])
        for row in rows
    ]
    return (rows[0]["total"] if rows else 0), differences


def _names(schema: str, table: sa.Table, keys: Sequence[str]) -> dict[str, str]:
    """The parts of the comparison that depend on the table, quoted."""
    quoted = [_quote(key) for key in keys]
    return {
        "live": f"public.{_quote(table.name)}",
        "folded": f"{_quote(schema)}.{_quote(table.name)}",
        "same": " and ".join(f"live.{key} = folded.{key}" for key in quoted),
        "keys": ", ".join(
            f"coalesce(live.{quoted_key}, folded.{quoted_key})::text as {_quote(f'key {key}')}"
            for key, quoted_key in zip(keys, quoted, strict=True)
        ),
        "one": quoted[0],
    }


def _count(schema: str, table: sa.Table) -> str:
    return f"select count(*) from {_quote(schema)}.{_quote(table.name)}"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# compared as jsonb, which has an equality for every type that a table may hold
_DIFFERING = """
    select {keys}, count(*) over () as total,
           case when live.{one} is null then 'missing'
                when folded.{one} is null then 'surplus' else 'differs' end as kind,
           case when live.{one} is null or folded.{one} is null then array[]::text[]
                else array(select name from jsonb_each(to_jsonb(live)) as l (name, value)
                             full join jsonb_each(to_jsonb(folded)) as f (name, value) using (name)
                            where l.value is distinct from f.value order by name) end as columns
      from {live} as live full join {folded} as folded on {same}
     where to_jsonb(live) is distinct from to_jsonb(folded)
     order by 1 limit $1"""
_STATUS = """
    select v.version, v.position,
           (select horizon from events_after(0, 0) limit 1) as horizon,
           exists (select from unnest($2::text[]) as name
                    where to_regclass(format('public.%I', name)) is null) as missing_tables,
           (select coalesce(sum(pg_total_relation_size(to_regclass(format('public.%I', name)))), 0)
              from unnest($2::text[]) as name)::bigint as bytes,
           to_regnamespace(format('%I', 'building_' || asked.name)) is not null as building,
           to_regnamespace(format('%I', 'verifying_' || asked.name)) is not null as verifying,
           (select pid from pg_locks
             where locktype = 'advisory' and granted and objsubid = 2
               and database = (select oid from pg_database where datname = current_database())
               and classid::bigint = hashtext('cartulary')::bigint & 4294967295
               and objid::bigint = hashtext('rebuild ' || asked.name)::bigint & 4294967295
             limit 1) as pid
      from (values ($1::text)) as asked (name)
      left join views as v on v.name = asked.name"""
