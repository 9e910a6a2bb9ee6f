"""A real log on which facts happen, with the processors at work on it and the mailbox they fill."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from billing.customers.events import (
    Contact,
    CustomerContactChanged,
)
from billing.declaration import DECLARATION
from billing.entitlement_rules import Entitlements
from billing.entitlements.decider import ENTITLEMENTS
from billing.entitlements.events import EntitlementsChanged
from billing.mails import Mails
from billing.processes.forget_mails_about_an_erased_customer import (
    forget_mails_about_an_erased_customer,
)
from billing.processes.tell_what_an_account_may_do import tell_what_an_account_may_do
from billing.processes.write_to_customers_about_their_money import (
    write_to_customers_about_their_money,
)
from billing.subscription_rules.states import Span
from billing.subscriptions.events import (
    SubscriptionActivated,
    SubscriptionCreated,
)
from billing.terms import PlanTerms, Term
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.ids import uuid7
from common.kernel import Kernel
from common.mail import FolderMailer
from common.money import Money
from common.processors import ProcessorRunner
from common.read_models import Projections, Stamp
from common.testing.kernel import kernel_on
from common.testing.waiting import eventually

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
PROJECTIONS = Projections(DECLARATION.projections)
PRO = PlanTerms(
    plan_id=UUID(int=1),
    slug="pro",
    name="Pro",
    price_version=1,
    price=Money(1200, "EUR"),
    tax="exclusive",
    term=Term("month"),
    family="pro",
    features=("statistics",),
    limits=(("cards.max", 10),),
)
TEAM = replace(PRO, slug="team", name="Team", features=("team",), limits=(("cards.max", 50),))


@dataclass
class Desk:
    """A kernel with the processors at work, and the mailbox that they fill."""

    kernel: Kernel
    folder: Path
    mails: Mails
    pro: PlanTerms = PRO
    team: PlanTerms = TEAM

    async def happens(self, stream: str, *events: object) -> None:
        """Facts are recorded."""
        async with self.kernel.database.transaction() as transaction:
            before = await self.kernel.store.load(transaction, stream)
            writes = [
                write
                for version, event in enumerate(events, start=before.version + 1)
                for write in PROJECTIONS.writes(event, Stamp(stream, version))
            ]
            cause = Cause(uuid4(), NOW)
            await self.kernel.store.append(transaction, before, events, cause, writes=writes)
            transaction.after_commit(self.kernel.wake.notify)

    async def settled(self) -> None:
        """All that was recorded has been gone through."""

        async def done() -> bool:
            async with self.kernel.database.reader() as reader:
                behind = await reader.connection.fetchval(
                    "select count(*) from cursors where name like 'processor %' and epoch > 0"
                    " and position < (select max(position) from events)"
                )
            return bool(behind == 0)

        await eventually(done, within=120, what="all processors at the end of the log")

    async def customer(self, locale: str = "en") -> UUID:
        """Somebody with an address."""
        id = uuid7()
        contact = Contact(f"{id.hex[-8:]}@example.org", "Ada", locale)
        await self.happens(f"customer-{id}", CustomerContactChanged(id, contact, NOW))
        return id

    async def subscribes(self, account: UUID, terms: PlanTerms = PRO) -> UUID:
        """They have a plan."""
        id = uuid7()
        await self.happens(
            f"subscription-{id}",
            SubscriptionCreated(id, account, terms, "stripe", False, None, LATER, NOW),
            SubscriptionActivated(id, account, terms, None, None, Span(NOW, 0, NOW, LATER), NOW),
        )
        return id

    async def mails_of(self, account: UUID) -> list[EmailMessage]:
        """What was written to somebody."""
        await self.settled()
        files = sorted(self.folder.glob(f"{account}.*.eml"))
        return [message_from_bytes(f.read_bytes(), policy=default) for f in files]  # type: ignore[arg-type]

    async def may(self, account: UUID) -> list[Entitlements]:
        """What others heard that somebody may do, change by change."""
        await self.settled()
        async with self.kernel.database.reader() as reader:
            stream = await self.kernel.store.load(reader, ENTITLEMENTS.stream(account))
        changes: list[EntitlementsChanged] = list(stream.events)
        return [change.entitlements for change in changes]


@pytest.fixture(scope="module")
async def desk(postgres: EmbeddedPostgres, tmp_path_factory: object) -> AsyncIterator[Desk]:
    """Processors on a fresh database."""
    folder: Path = tmp_path_factory.mktemp("mail")  # type: ignore[attr-defined]
    mailer, clock = FolderMailer(folder, "Cartulary <cartulary@localhost>"), SystemClock()
    async with kernel_on(postgres, DECLARATION) as kernel:
        mails = Mails(mailer, kernel, "https://cards.example")
        processors = (
            tell_what_an_account_may_do(kernel, clock),
            write_to_customers_about_their_money(mails, "FR"),
            forget_mails_about_an_erased_customer(mailer),
        )
        runners = [
            ProcessorRunner(kernel.database, kernel.store, processor, clock)
            for processor in processors
        ]
        work = [asyncio.create_task(runner.run(kernel.wake)) for runner in runners]

        async def following() -> bool:
            async with kernel.database.reader() as reader:
                names = "select count(*) from cursors where name like 'processor %' and epoch > 0"
                return bool(await reader.connection.fetchval(names) == len(processors))

        await eventually(following, within=120, what="the processors following the log")
        yield Desk(kernel, folder, mails)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
