"""The real command line, against services' databases in the states described.

A command runs in this process (`ask`), and once a group in one of its own (`run`): a start takes
seconds.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import auth.declaration
import cards.declaration
import pytest
from auth.accounts.decider import ACCOUNT
from auth.accounts.examples import ERASE, REGISTER
from cards.cards.decider import CARD
from cards.cards.examples import CREATE
from cartulary.main import cli
from click.testing import CliRunner
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.kernel import Kernel, attach_kernel, open_kernel_of
from common.settings import ServiceSettings
from common.testing.kernel import NOW
from common.testing.postgres import temporary_postgres


@dataclass
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one document."""
        return json.loads(self.out)


@dataclass
class Operated:
    """Two services with databases of their own, as a distributed system has them."""

    auth: Kernel
    cards: Kernel
    environment: dict[str, str]

    async def start(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        """`cartulary <arguments>`, running."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cartulary.main", *arguments),
            env={**inherited, **self.environment, **more},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, stdin: str = "", **more: str) -> Ran:
        """`cartulary <arguments>` as a process, to its end."""
        process = await self.start(*arguments, **more)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    async def ask(self, *arguments: str, stdin: str = "", **more: str) -> Ran:
        """The same command in this process."""
        runner = CliRunner(env={**self.environment, "DATABASE_URL": None, **more})
        answer = await asyncio.to_thread(runner.invoke, cli, arguments, input=stdin)
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return Ran(answer.exit_code, answer.stdout, answer.stderr)

    async def account(self, id: UUID | None = None, *, erased: bool = False, **more: str) -> UUID:
        """A registered account; its name."""
        id = id or uuid4()
        command = REGISTER.__class__(
            **{
                **vars(REGISTER),
                "account_id": id,
                "email_index": str(id),
                "username": None,
                **more,
            }
        )
        await self.auth.commands.handle(ACCOUNT, id, command, Cause(uuid4(), NOW))
        if erased:
            await self.erase(id)
        return id

    async def erase(self, id: UUID) -> None:
        """The account's end."""
        command = ERASE.__class__(id, NOW)
        await self.auth.commands.handle(ACCOUNT, id, command, Cause(uuid4(), NOW))

    async def card(self, owner: UUID | None = None) -> UUID:
        """A card; its id."""
        id = uuid4()
        command = replace(CREATE, card_id=id, actor_id=owner or uuid4(), handle=None, now=NOW)
        await self.cards.commands.handle(CARD, id, command, Cause(uuid4(), NOW))
        return id


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


DECLARATIONS = {"auth": auth.declaration.DECLARATION, "cards": cards.declaration.DECLARATION}


@pytest.fixture(scope="session")
async def prepared(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The server with a prepared and empty database of each service, to copy."""
    for name, declaration in DECLARATIONS.items():
        settings = ServiceSettings.load(database_url=await postgres.create_database(name))
        async with open_kernel_of(declaration, settings):
            pass
    return postgres


@pytest.fixture
async def operated(prepared: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Operated]:
    """Both services with databases of their own."""
    run = uuid4().hex
    async with AsyncExitStack() as stack:
        kernels = {}
        for name, declaration in DECLARATIONS.items():
            admin = await asyncpg.connect(prepared.dsn("postgres"))
            await admin.execute(f"create database {name}_{run} template {name}")
            await admin.close()
            settings = ServiceSettings.load(database_url=prepared.dsn(f"{name}_{run}"))
            kernels[name] = await stack.enter_async_context(
                attach_kernel(
                    declaration,
                    dsn=settings.database_url,
                    data_key=settings.data_key_bytes,
                    wire_key=settings.wire_key_bytes,
                )
            )
        environment = {
            f"{name.upper()}_DATABASE_URL": kernel.database.dsn for name, kernel in kernels.items()
        }
        environment["VAR_DIR"] = str(tmp_path / "var")
        yield Operated(kernels["auth"], kernels["cards"], environment)
