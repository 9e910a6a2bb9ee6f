"""A subscription that counts from an earlier day: one that was agreed on elsewhere, say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from common.problems import Invalid

from billing.periods import number_at, period
from billing.subscription_rules.states import Span
from billing.terms import PlanTerms, Term

EARLIEST = timedelta(days=3653)
"""Ten years: an earlier day is a mistake."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""So far ahead of ours may be what somebody else's clock calls now."""


class StartAhead(Invalid):
    """It would begin in the future."""

    code = "started_at_in_future"
    detail = "A subscription begins now or has begun before: started_at lies ahead."


class StartTooEarly(Invalid):
    """Longer ago than any subscription here."""

    code = "started_at_too_early"
    detail = "started_at is at most ten years ago."


class TrialOver(Invalid):
    """Counted from its start it would have ended."""

    code = "trial_over"
    detail = "Counted from started_at this trial would be over already."


@dataclass(frozen=True)
class SubscriptionBackdated:
    """Its periods, or its trial, are counted from this moment, which lies before its order."""

    type_name: ClassVar[str] = "billing.subscription_backdated"

    subscription_id: UUID
    account_id: UUID
    anchor: datetime
    noted_at: datetime


def checked(anchor: datetime | None, now: datetime) -> datetime | None:
    """From when it counts, if that is before now. Raises `StartAhead`, `StartTooEarly`."""
    if anchor is None:
        return None
    if anchor > now + CLOCKS_DIFFER:
        raise StartAhead
    if anchor < now - EARLIEST:
        raise StartTooEarly
    return anchor if anchor < now else None


def first_span(anchor: datetime | None, term: Term, now: datetime) -> Span:
    """The period that begins now; counted from an earlier moment, the one that now falls into. What
    was before it was not had here."""
    if anchor is None:
        return Span(now, 0, *period(now, term, 0))
    number = number_at(anchor, term, now)
    return Span(anchor, number, *period(anchor, term, number))


def trial_of(anchor: datetime | None, terms: PlanTerms, now: datetime) -> tuple[datetime, datetime]:
    """When its trial begins and ends: from the earlier moment, while that leaves any of it."""
    length = timedelta(days=terms.trial_days)
    starts_at = anchor if anchor is not None and anchor + length > now else now
    return starts_at, starts_at + length
