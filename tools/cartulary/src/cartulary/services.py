"""Which services there are, and how the command line reaches one's database and settings.

In this order: `--database-url`; `<SERVICE>_DATABASE_URL`; `DATABASE_URL` when `--service` names the
one that it is of, as in that service's container; else the PostgreSQL of a running `make run`.
"""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import auth.declaration
import auth.worker
import billing.declaration
import billing.worker
import cards.declaration
import cards.worker
import click
from auth.settings import AuthSettings
from billing.providers import providers_for
from billing.settings import BillingSettings
from cards.settings import CardsSettings
from common.database import Database
from common.feed import Feed, Feeds
from common.in_process import InProcessBroker
from common.inbox import Inbox
from common.kernel import Kernel, KernelDeclaration, attach_kernel
from common.settings import ServiceSettings
from common.worker import Worker

from cartulary.layout import SERVICES, Layout
from cartulary.output import Unreachable, unknown

POOL = 4


@dataclass(frozen=True)
class Service:
    """What the command line must know of a service's code."""

    declaration: KernelDeclaration
    settings: type[ServiceSettings]
    create_worker: Callable[[Any, Kernel, InProcessBroker, Feeds], Worker]


KNOWN: dict[str, Service] = {
    "auth": Service(
        auth.declaration.DECLARATION,
        AuthSettings,
        auth.worker.create_worker,
    ),
    "cards": Service(
        cards.declaration.DECLARATION,
        CardsSettings,
        lambda _, kernel, broker, feeds: cards.worker.create_worker(kernel, broker, feeds),
    ),
    "billing": Service(
        billing.declaration.DECLARATION,
        BillingSettings,
        lambda settings, kernel, broker, feeds: billing.worker.create_worker(
            settings, kernel, broker, feeds, providers_for(settings)
        ),
    ),
}


@dataclass(frozen=True)
class Place:
    """One service's database; `embedded` when it is that of a `make run`."""

    name: str
    dsn: str
    layout: Layout
    embedded: bool

    @property
    def service(self) -> Service:
        """Its code."""
        return KNOWN[self.name]

    def settings(self) -> ServiceSettings:
        """The embedded run's, else from the environment, with `<SERVICE>_DATA_KEY` for its own.

        Raises `StartRefused`.
        """
        known: dict[str, object] = {"database_url": self.dsn}
        if self.embedded:
            folders = {
                "mail_folder": self.layout.mail,
                "storage_folder": self.layout.files,
                "backup_folder": self.layout.backups,
            }
            known |= {**self.layout.secrets(), **folders}
        elif data_key := os.environ.get(f"{self.name.upper()}_DATA_KEY"):
            known["data_key"] = data_key
        return self.service.settings.load(**known)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A few connections, which need no settings."""
        database = await Database.connect(self.dsn, size=POOL)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def kernel(self) -> AsyncIterator[Kernel]:
        """The service's kernel on its database as it is."""
        settings = self.settings()
        async with attach_kernel(
            self.service.declaration,
            dsn=self.dsn,
            data_key=settings.data_key_bytes,
            wire_key=settings.wire_key_bytes,
            pool_size=POOL,
        ) as kernel:
            yield kernel

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[tuple[Kernel, Inbox]]:
        """The service's consumer, which is handed nothing but what the command line hands it."""
        async with AsyncExitStack() as stack:
            kernel = await stack.enter_async_context(self.kernel())
            settings = self.settings()
            local: dict[str, Feed] = {}
            if self.embedded:
                for other in SERVICES:
                    place = Place(other, self.layout.embedded_dsn(other), self.layout, True)
                    local[other] = (await stack.enter_async_context(place.kernel())).feed
            feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds, local)
            worker = self.service.create_worker(settings, kernel, InProcessBroker(), feeds)
            yield kernel, worker.inbox


def places(layout: Layout, names: Sequence[str], database_url: str | None) -> list[Place]:
    """The databases of these services, or of all. Raises `UsageError`, `Unreachable`."""
    for name in names:
        if name not in KNOWN:
            raise unknown("service", name, list(KNOWN))
    chosen = list(dict.fromkeys(names))
    if database_url and len(chosen) != 1:
        raise click.UsageError("A database is one service's: say which with --service.")
    return [
        _place(layout, name, database_url, only=len(chosen) == 1) for name in chosen or SERVICES
    ]


def _place(layout: Layout, name: str, database_url: str | None, *, only: bool) -> Place:
    own = database_url or os.environ.get(f"{name.upper()}_DATABASE_URL")
    of_some_service = os.environ.get("DATABASE_URL")
    if own or (of_some_service and only):
        return Place(name, own or of_some_service or "", layout, False)
    if of_some_service:
        raise click.UsageError("DATABASE_URL is one service's: say which with --service.")
    try:
        return Place(name, layout.embedded_dsn(name), layout, True)
    except FileNotFoundError as error:
        raise Unreachable(
            f"No PostgreSQL runs in {layout.var}. Start it first: make run. For a service of its "
            f"own, set {name.upper()}_DATABASE_URL or --service and --database-url."
        ) from error
