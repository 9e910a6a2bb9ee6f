"""Mails follow from facts about money: once each, in the customer's language."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from billing.customers.events import (
    Address,
    BillingDetails,
    CustomerDetailsChanged,
    CustomerErased,
    DefaultPaymentMethodSet,
    MethodFace,
    PaymentMethodSaved,
)
from billing.documents import Line, TaxRate
from billing.invoices.events import InvoiceDrafted, InvoicePaid
from billing.subscriptions.events import (
    SubscriptionCreated,
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionUnpaid,
    TrialEndAnnounced,
    TrialStarted,
)
from common.ids import uuid7
from common.money import Money

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
RATE = TaxRate("FR", 2000)


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


async def pays(desk: Any, account: UUID, *lines: Line, tax: int, provider: str) -> None:
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


async def test_whoever_pays_gets_a_receipt_with_the_tax_on_top(desk: Any) -> None:
    ada = await desk.customer()
    line = Line(uuid7(), "Pro", Money(1200, "EUR"), "exclusive", RATE)

    await pays(desk, ada, line, tax=240, provider="stripe")

    (mail,) = await desk.mails_of(ada)
    assert mail["to"].endswith("@example.org")
    text = words(mail)
    assert "We have received €14.40 on 1 May 2026." in text
    assert "Pro €12.00 Value added tax €2.40 Total paid €14.40" in text
    assert "Of which" not in text


async def test_a_transfer_is_told_to_have_arrived_in_the_customers_language(desk: Any) -> None:
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


async def test_a_period_that_is_paid_by_transfer_asks_for_it_and_has_not_failed(desk: Any) -> None:
    ada = await desk.customer()
    id, invoice = await desk.subscribes(ada), uuid7()
    line = Line(uuid7(), "Pro", Money(1200, "EUR"), "inclusive", RATE)
    money = {"net": Money(1000, "EUR"), "tax": Money(200, "EUR"), "total": Money(1200, "EUR")}
    drafted = InvoiceDrafted(
        invoice, ada, "renewal", id, "invoice", (line,), **money, drafted_at=NOW
    )
    await desk.happens(f"invoice-{invoice}", drafted)
    awaited = SubscriptionPastDue(id, ada, invoice, 0, "awaiting_transfer", NOW, LATER, NOW)
    unpaid = SubscriptionUnpaid(id, ada, invoice, "not_transferred", LATER, NOW)

    await desk.happens(f"subscription-{id}", awaited)
    (due,) = await desk.mails_of(ada)
    await desk.happens(f"subscription-{id}", unpaid)

    assert due["subject"] == "An invoice waits for your transfer"
    assert "Please transfer €12.00 by 4 May 2026" in words(due)
    texts = [words(mail) for mail in await desk.mails_of(ada)]
    assert any("Your transfer has not arrived." in text for text in texts)


async def test_who_has_paid_nothing_or_is_unknown_gets_no_mail(desk: Any) -> None:
    ada, nobody = await desk.customer(), uuid7()
    free = Line(uuid7(), "Free", Money(0, "EUR"), "inclusive", RATE)

    await pays(desk, ada, free, tax=0, provider="stripe")
    await pays(desk, nobody, replace(free, amount=Money(1, "EUR")), tax=0, provider="stripe")

    assert await desk.mails_of(ada) == []
    assert await desk.mails_of(nobody) == []


async def test_a_trial_says_when_it_ends_and_what_it_then_costs_where_one_lives(
    desk: Any,
) -> None:
    ada, subscription = await desk.customer(), uuid7()
    face = MethodFace("pm_1", "cus_1", "visa", "4242", "2030-12")
    details = BillingDetails(address=Address("1 Ring", "Berlin", "DE"))
    begun = (
        SubscriptionCreated(subscription, ada, desk.pro, "stripe", True, None, LATER, NOW),
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


async def test_each_failed_try_says_what_happens_next(desk: Any) -> None:
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


async def test_an_end_is_told_with_its_reason_and_only_of_what_began(desk: Any) -> None:
    ada, pending = await desk.customer(), uuid7()
    id = await desk.subscribes(ada)
    await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    await desk.happens(
        f"subscription-{pending}",
        SubscriptionCreated(pending, ada, desk.pro, "stripe", False, uuid7(), LATER, NOW),
        SubscriptionEnded(pending, ada, "expired", NOW),
    )
    replaced = await desk.subscribes(ada)
    await desk.happens(
        f"subscription-{replaced}", SubscriptionEnded(replaced, ada, "replaced", NOW)
    )

    (mail,) = await desk.mails_of(ada)

    assert mail["subject"] == "Pro has ended"
    assert "has ended on 1 May 2026. You had cancelled it." in words(mail)


async def test_the_mailbox_forgets_who_was_erased(desk: Any) -> None:
    ada = await desk.customer()
    id = await desk.subscribes(ada)
    await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    assert len(await desk.mails_of(ada)) == 1

    await desk.happens(f"customer-{ada}", CustomerErased(ada, NOW))

    assert await desk.mails_of(ada) == []
    late = await desk.subscribes(ada)
    await desk.happens(f"subscription-{late}", SubscriptionEnded(late, ada, "cancelled", NOW))
    assert await desk.mails_of(ada) == []
