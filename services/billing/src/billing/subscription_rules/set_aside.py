"""Money of the present period that goes back, or that a bank wants: it buys no credit any more."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from common.money import Money

from billing.documents import PaidPart
from billing.invoice_arithmetic import within
from billing.subscription_rules.states import Before, Live, Running, SetAside, SubscriptionState
from billing.subscriptions.commands import NoteSetAside


@dataclass(frozen=True)
class MoneySetAside:
    """Of what this invoice brought in for the present period `amount`, tax included, does not count
    any more: it was given back, or is to be. `disputed`: a bank may take more."""

    type_name: ClassVar[str] = "billing.subscription_money_set_aside"

    subscription_id: UUID
    account_id: UUID
    invoice_id: UUID
    amount: Money
    disputed: bool
    noted_at: datetime


def worth(live: Live) -> PaidPart | None:
    """What was really paid for the present stretch of time, less what does not count any more, and
    never below zero. What went back before it was paid for lowered its credit then, and counts
    once."""
    if live.paid is None:
        return None
    counted = {one.invoice_id: one.amount.amount for one in live.counted}
    gone = sum(max(0, one.amount.amount - counted.get(one.invoice_id, 0)) for one in live.set_aside)
    return replace(live.paid, amount=_less(live.paid, gone)) if gone else live.paid


def _less(paid: PaidPart, gone: int) -> Money:
    """In the price's own terms, while what is gone includes the tax."""
    left = within(paid.amount, paid.behaviour, paid.rate, gone)
    return Money(max(0, left), paid.amount.currency)


def note(command: NoteSetAside, state: SubscriptionState) -> list[MoneySetAside]:
    """What follows; nothing where the present period does not stand on this invoice."""
    if not isinstance(state, Running):
        return []
    live = state.live
    if command.invoice_id not in _stands_on(live):
        return []
    now_so = SetAside(command.invoice_id, command.amount, command.disputed)
    if now_so in live.set_aside or (_known(live, command.invoice_id) is None and now_so.is_nothing):
        return []
    of = live.agreement
    what = (now_so.invoice_id, now_so.amount, now_so.disputed)
    return [MoneySetAside(of.subscription_id, of.account_id, *what, command.now)]


def noted(live: Live, event: MoneySetAside) -> Live:
    """The subscription after it."""
    one = SetAside(event.invoice_id, event.amount, event.disputed)
    return replace(live, set_aside=(*without(live.set_aside, event.invoice_id), one))


def without(some: tuple[SetAside, ...], invoice_id: UUID) -> tuple[SetAside, ...]:
    """All but what is of this invoice."""
    return tuple(one for one in some if one.invoice_id != invoice_id)


def _known(live: Live, invoice_id: UUID) -> SetAside | None:
    return next((one for one in live.set_aside if one.invoice_id == invoice_id), None)


def _stands_on(live: Live) -> list[UUID]:
    """The invoices of the present period: what it began with, and its upgrades."""
    found, before = [live.invoice_id] if live.invoice_id else [], live.before
    while isinstance(before, Before):
        found.append(before.invoice_id)
        before = before.before
    return found
