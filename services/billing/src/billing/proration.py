"""What a change of plan in the middle of a period costs, by the second.

The part already used is rounded, the rest is what remains of the whole: however a period is cut,
its parts sum to it, and no cent is made or lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.money import Money, divide_half_up

from billing.documents import PaidPart
from billing.periods import days_about, period
from billing.terms import PlanTerms

_SECOND = timedelta(seconds=1)


def rest_of(amount: Money, starts_at: datetime, ends_at: datetime, now: datetime) -> Money:
    """What of an amount for a stretch of time falls on what is left of it after `now`."""
    whole = max((ends_at - starts_at) // _SECOND, 1)
    used = min(max((now - starts_at) // _SECOND, 0), whole)
    return Money(amount.amount - divide_half_up(amount.amount * used, whole), amount.currency)


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a change at one moment, before tax rules: charge the new, give back the old.

    `resets`: another term begins a new period now, from a new anchor; else the end stays.
    """

    credit: Money
    charge: Money
    starts_at: datetime
    ends_at: datetime
    resets: bool


def quote(
    paid: PaidPart | None, ends_at: datetime, started_at: datetime, new: PlanTerms, now: datetime
) -> Quote:
    """What the change to `new` costs at `now`, within a period from `started_at` to `ends_at`."""
    nothing = Money(0, new.price.currency)
    credit = rest_of(paid.amount, paid.starts_at, paid.ends_at, now) if paid else nothing
    return Quote(credit, rest_of(new.price, started_at, ends_at, now), now, ends_at, False)


def quote_of_another_term(paid: PaidPart | None, new: PlanTerms, now: datetime) -> Quote:
    """The same where the new plan has another term: its first period begins now, in full."""
    nothing = Money(0, new.price.currency)
    credit = rest_of(paid.amount, paid.starts_at, paid.ends_at, now) if paid else nothing
    return Quote(credit, new.price, now, period(now, new.term, 0)[1], True)


def is_upgrade(old: PlanTerms, new: PlanTerms) -> bool:
    """Whether the new plan is dearer by time, or equally dear and bound for longer."""
    before = old.price.amount * days_about(new.term)
    after = new.price.amount * days_about(old.term)
    if days_about(new.term) > days_about(old.term) and new.price.amount >= old.price.amount:
        return True  # a longer term pays more today, also where it is cheaper by the month
    return after > before and days_about(new.term) == days_about(old.term)
