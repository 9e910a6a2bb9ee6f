"""The tables of a read model, made beside the live ones and put in their place."""

from collections.abc import Sequence

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from common.database import SERVICE_ROLE


async def make_beside(owner: asyncpg.Connection, schema: str, tables: Sequence[sa.Table]) -> None:
    """Empty tables in a schema of their own; what stood there before is gone."""
    async with owner.transaction():
        await owner.execute(f'drop schema if exists "{schema}" cascade')
        await owner.execute(f'create schema "{schema}"')
        await owner.execute(f'grant usage on schema "{schema}" to {SERVICE_ROLE}')
        await owner.execute(f'set local search_path = "{schema}"')
        for table in tables:
            await owner.execute(created(table))
            await owner.execute(
                f'grant select, insert, update, delete on "{table.name}" to {SERVICE_ROLE}'
            )


async def take_their_place(
    owner: asyncpg.Connection, schema: str, tables: Sequence[sa.Table]
) -> None:
    """Drop the live ones; the caller's transaction makes it one moment."""
    for table in tables:
        await owner.execute(f'drop table if exists public."{table.name}"')
        await owner.execute(f'alter table "{schema}"."{table.name}" set schema public')


def created(table: sa.Table) -> str:
    """The statements that make the table and its indexes."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    statements: list[CreateTable | CreateIndex] = [CreateTable(table)]
    statements += [CreateIndex(index) for index in _indexes(table)]
    return ";\n".join(str(statement.compile(dialect=dialect)).strip() for statement in statements)


def _indexes(table: sa.Table) -> list[sa.Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))
