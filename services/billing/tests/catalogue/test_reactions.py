"""What follows from facts about money: mails, once each, and what an account may do."""

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
    Address,
    BillingDetails,
    Contact,
    CustomerContactChanged,
    CustomerDetailsChanged,
    CustomerErased,
    CustomerEvent,
    DefaultPaymentMethodSet,
    MethodFace,
    PaymentMethodSaved,
)
from billing.customers.read_model import CUSTOMERS
from billing.declaration import DECLARATION
from billing.documents import Line, TaxRate
from billing.entitlement_rules import Entitlements
from billing.entitlements.decider import ENTITLEMENTS
from billing.entitlements.events import EntitlementsChanged, EntitlementsEvent
from billing.invoices.events import InvoiceDrafted, InvoiceEvent, InvoicePaid
from billing.invoices.read_model import INVOICES
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
    CancellationScheduled,
    SubscriptionActivated,
    SubscriptionCreated,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionPastDue,
    SubscriptionUnpaid,
    TrialEndAnnounced,
    TrialStarted,
)
from billing.subscriptions.read_model import SUBSCRIPTIONS
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
FACTS = replace(
    DECLARATION,
    events=(CustomerEvent, EntitlementsEvent, SubscriptionEvent, InvoiceEvent),
    projections=(CUSTOMERS, SUBSCRIPTIONS, INVOICES),
    upcasters={},
    snapshots=(),
)
PROJECTIONS = Projections(FACTS.projections)
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
RATE = TaxRate("FR", 2000)


@dataclass
class Desk:
    """A kernel with the processors at work, and the mailbox that they fill."""

    kernel: Kernel
    folder: Path

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
                    "select count(*) from cursors where name like 'processor %'"
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
    async with kernel_on(postgres, FACTS) as kernel:
        processors = (
            tell_what_an_account_may_do(kernel, clock),
            write_to_customers_about_their_money(
                Mails(mailer, kernel.database, "https://cards.example"), "FR"
            ),
            forget_mails_about_an_erased_customer(mailer),
        )
        runners = [
            ProcessorRunner(kernel.database, kernel.store, processor, clock)
            for processor in processors
        ]
        work = [asyncio.create_task(runner.run(kernel.wake)) for runner in runners]

        async def following() -> bool:
            async with kernel.database.reader() as reader:
                names = "select count(*) from cursors where name like 'processor %'"
                return bool(await reader.connection.fetchval(names) == len(processors))

        await eventually(following, within=120, what="the processors following the log")
        yield Desk(kernel, folder)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


async def pays(desk: Desk, account: UUID, *lines: Line, tax: int, provider: str) -> None:
    id, total = uuid7(), sum(line.amount.amount for line in lines)
    behaviours = {line.behaviour for line in lines}
    gross = total + (tax if behaviours == {"exclusive"} else 0)
    await desk.happens(
        f"invoice-{id}",
        InvoiceDrafted(
            invoice_id=id,
            account_id=account,
            kind="checkout",
            subscription_id=None,
            provider=provider,
            lines=lines,
            net=Money(gross - tax, "EUR"),
            tax=Money(tax, "EUR"),
            total=Money(gross, "EUR"),
            drafted_at=NOW,
        ),
        InvoicePaid(id, account, uuid7(), Money(gross, "EUR"), NOW),
    )


async def test_whoever_pays_gets_a_receipt_with_the_tax_on_top(desk: Desk) -> None:
    ada = await desk.customer()
    line = Line(uuid7(), "Pro", Money(1200, "EUR"), "exclusive", RATE)

    await pays(desk, ada, line, tax=240, provider="stripe")

    (mail,) = await desk.mails_of(ada)
    assert mail["to"].endswith("@example.org")
    text = words(mail)
    assert "We have received €14.40 on 1 May 2026." in text
    assert "Pro €12.00 Value added tax €2.40 Total paid €14.40" in text
    assert "Of which" not in text


async def test_a_transfer_is_told_to_have_arrived_in_the_customers_language(desk: Desk) -> None:
    ada = await desk.customer("fr-CA")
    note = TaxRate("DE", 0, "Reverse charge: VAT is due from the recipient")
    line = Line(uuid7(), "Pro", Money(1200, "EUR"), "inclusive", note)

    await pays(desk, ada, line, tax=200, provider="invoice")

    (mail,) = await desk.mails_of(ada)
    assert mail["subject"] == "Votre paiement est arrivé"
    text = words(mail)
    assert "Total payé 12,00 €" in text
    assert "Dont 2,00 € de taxe" in text
    assert "Reverse charge" in text


async def test_who_has_paid_nothing_or_is_unknown_gets_no_mail(desk: Desk) -> None:
    ada, nobody = await desk.customer(), uuid7()
    free = Line(uuid7(), "Free", Money(0, "EUR"), "inclusive", RATE)

    await pays(desk, ada, free, tax=0, provider="stripe")
    await pays(desk, nobody, replace(free, amount=Money(1, "EUR")), tax=0, provider="stripe")

    assert await desk.mails_of(ada) == []
    assert await desk.mails_of(nobody) == []


async def test_a_trial_says_when_it_ends_and_what_it_then_costs_where_one_lives(
    desk: Desk,
) -> None:
    ada, subscription = await desk.customer(), uuid7()
    face = MethodFace("pm_1", "cus_1", "visa", "4242", "2030-12")
    details = BillingDetails(address=Address("1 Ring", "Berlin", "DE"))
    begun = (
        SubscriptionCreated(subscription, ada, PRO, "stripe", True, None, LATER, NOW),
        TrialStarted(subscription, ada, "pro", NOW, LATER),
    )
    announced = TrialEndAnnounced(subscription, ada, LATER, NOW)
    await desk.happens(f"customer-{ada}", CustomerDetailsChanged(ada, details, NOW))
    await desk.happens(f"subscription-{subscription}", *begun, announced)
    (without,) = [words(mail) for mail in await desk.mails_of(ada)]
    method = uuid7()
    await desk.happens(
        f"customer-{ada}",
        PaymentMethodSaved(ada, method, "stripe", face, NOW),
        DefaultPaymentMethodSet(ada, method, NOW),
    )
    await desk.happens(f"subscription-{subscription}", announced)

    texts = [words(mail) for mail in await desk.mails_of(ada)]

    assert "It then costs €14.28, and no way to pay is saved." in without
    assert len(texts) == 2
    assert any("Then €14.28 is charged to Visa •••• 4242" in text for text in texts)
    assert all("ends on 4 May 2026, 12:00 UTC." in text for text in texts)


async def test_each_failed_try_says_what_happens_next(desk: Desk) -> None:
    ada = await desk.customer()
    id, invoice = await desk.subscribes(ada), uuid7()
    await desk.happens(
        f"subscription-{id}",
        SubscriptionPastDue(id, ada, invoice, 1, "insufficient_funds", NOW, LATER, NOW),
        SubscriptionPastDue(id, ada, invoice, 2, "expired_card", NOW, LATER, NOW),
        SubscriptionUnpaid(id, ada, invoice, "do_not_honor", LATER, NOW),
    )

    texts = [words(mail) for mail in await desk.mails_of(ada)]

    assert len(texts) == 3
    told = " ".join(texts)
    assert "there is not enough money in the account. We try again on 4 May 2026" in told
    assert "(try number 2). The card has expired." in told
    assert "Your bank declined it. We do not try again. You keep what Pro gives until 4 May" in told


async def test_an_end_is_told_with_its_reason_and_only_of_what_began(desk: Desk) -> None:
    ada, pending = await desk.customer(), uuid7()
    id = await desk.subscribes(ada)
    await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    await desk.happens(
        f"subscription-{pending}",
        SubscriptionCreated(pending, ada, PRO, "stripe", False, uuid7(), LATER, NOW),
        SubscriptionEnded(pending, ada, "expired", NOW),
    )
    replaced = await desk.subscribes(ada)
    await desk.happens(
        f"subscription-{replaced}", SubscriptionEnded(replaced, ada, "replaced", NOW)
    )

    (mail,) = await desk.mails_of(ada)

    assert mail["subject"] == "Pro has ended"
    assert "has ended on 1 May 2026. You had cancelled it." in words(mail)


async def test_an_account_may_do_what_its_plans_give_until_they_end(desk: Desk) -> None:
    ada = await desk.customer()
    pro = await desk.subscribes(ada)
    one = await desk.may(ada)
    team = await desk.subscribes(ada, TEAM)
    both = (await desk.may(ada))[len(one) :]
    for id in (team, pro):
        await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    left = await desk.may(ada)

    assert one == [Entitlements(("statistics",), (("cards.max", 10),), ("pro",))]
    assert both == [Entitlements(("statistics", "team"), (("cards.max", 50),), ("pro", "team"))]
    assert left[-1] == Entitlements()


async def test_what_changes_nothing_of_it_is_told_to_nobody(desk: Desk) -> None:
    ada = await desk.customer()
    id = await desk.subscribes(ada)
    before = await desk.may(ada)
    await desk.happens(
        f"subscription-{id}",
        CancellationScheduled(id, ada, LATER, NOW),
        SubscriptionPastDue(id, ada, uuid7(), 1, "expired_card", NOW, LATER, NOW),
        SubscriptionUnpaid(id, ada, uuid7(), "expired_card", LATER, NOW),
    )
    await desk.subscribes(ada)

    assert await desk.may(ada) == before
    assert len(before) == 1


async def test_the_mailbox_forgets_who_was_erased(desk: Desk) -> None:
    ada = await desk.customer()
    id = await desk.subscribes(ada)
    await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    assert len(await desk.mails_of(ada)) == 1

    await desk.happens(f"customer-{ada}", CustomerErased(ada, NOW))

    assert await desk.mails_of(ada) == []
    late = await desk.subscribes(ada)
    await desk.happens(f"subscription-{late}", SubscriptionEnded(late, ada, "cancelled", NOW))
    assert await desk.mails_of(ada) == []
