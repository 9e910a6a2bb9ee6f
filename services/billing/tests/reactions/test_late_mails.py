"""A mail that is due before its reader's address is known waits for it, and not for ever."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.customers.events import Contact, CustomerContactChanged, CustomerErased
from billing.late_mails import forget
from billing.processes.write_to_customers_about_their_money import worth_until
from billing.processes.write_to_customers_once_they_are_known import write_late
from billing.subscriptions.events import (
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionUnpaid,
    TrialEndAnnounced,
)
from common.ids import uuid7

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class At:
    """A clock that stands."""

    time: datetime

    def now(self) -> datetime:
        return self.time


async def ends(desk: Any, account: UUID) -> None:
    """A subscription of theirs is over, of which a mail tells."""
    id = await desk.subscribes(account)
    await desk.happens(f"subscription-{id}", SubscriptionEnded(id, account, "cancelled", NOW))
    await desk.settled()


async def is_known(desk: Any, account: UUID) -> None:
    contact = Contact(f"{account.hex[-8:]}@example.org", "Ada", "en")
    await desk.happens(f"customer-{account}", CustomerContactChanged(account, contact, NOW))


async def outcomes(desk: Any, account: UUID) -> list[str | None]:
    async with desk.kernel.database.reader() as reader:
        rows = await reader.connection.fetch(
            "select outcome from waiting_mails where account_id = $1", account
        )
    return [row["outcome"] for row in rows]


async def several_look(desk: Any, at: datetime) -> None:
    while any(await asyncio.gather(*(write_late(desk.mails, "FR", At(at)) for _ in range(4)))):
        continue


async def test_a_mail_goes_out_once_its_readers_address_is_known(desk: Any) -> None:
    ada = uuid7()
    await ends(desk, ada)
    await several_look(desk, NOW + DAY)
    before = await outcomes(desk, ada)

    await is_known(desk, ada)
    await several_look(desk, NOW + DAY)
    (mail,) = await desk.mails_of(ada)
    for file in desk.folder.glob(f"{ada}.*"):
        file.unlink()
    await several_look(desk, NOW + DAY)

    assert before == [None]
    assert mail["subject"] == "Pro has ended"
    assert await outcomes(desk, ada) == ["sent"]
    assert await desk.mails_of(ada) == []


async def test_a_mail_that_nobody_wants_any_more_is_recorded_as_not_sent(desk: Any) -> None:
    ada = uuid7()
    await ends(desk, ada)

    await several_look(desk, NOW + 7 * DAY)
    await is_known(desk, ada)
    await several_look(desk, NOW + 7 * DAY)

    assert await outcomes(desk, ada) == ["not_sent"]
    assert await desk.mails_of(ada) == []


async def test_who_is_erased_while_a_mail_waits_gets_none(desk: Any) -> None:
    ada, bob = uuid7(), uuid7()
    await ends(desk, ada)
    async with desk.kernel.database.transaction() as transaction:
        await forget(transaction, ada, NOW)
    await desk.happens(f"customer-{bob}", CustomerErased(bob, NOW))
    await ends(desk, bob)

    await several_look(desk, NOW + DAY)

    assert (await outcomes(desk, ada), await outcomes(desk, bob)) == (["erased"], [])


def test_what_it_announces_says_how_long_a_mail_is_worth_reading() -> None:
    who = (uuid7(), uuid7())
    due, soon, late = uuid7(), NOW + DAY, NOW + 14 * DAY
    failed = SubscriptionPastDue(*who, due, 1, "expired_card", NOW, soon, NOW)
    transfer = SubscriptionPastDue(*who, due, 0, "awaiting_transfer", NOW, late, NOW)

    assert worth_until(TrialEndAnnounced(*who, NOW + 3 * DAY, NOW)) == NOW + 3 * DAY
    assert worth_until(failed) == soon
    assert worth_until(transfer) == NOW + 7 * DAY
    assert worth_until(SubscriptionUnpaid(*who, due, "lost_card", soon, NOW)) == soon
    assert worth_until(SubscriptionEnded(*who, "unpaid", NOW)) == NOW + 7 * DAY
