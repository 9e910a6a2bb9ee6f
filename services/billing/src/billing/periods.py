"""Calendar periods counted from an anchor, never from the period before: the 31st comes back."""

from calendar import monthrange
from datetime import datetime, timedelta
from typing import assert_never

from billing.terms import Term


def boundary(anchor: datetime, term: Term, n: int) -> datetime:
    """Where period `n` begins; period 0 begins at the anchor."""
    steps = n * term.count
    match term.interval:
        case "day":
            return anchor + timedelta(days=steps)
        case "week":
            return anchor + timedelta(weeks=steps)
        case "month":
            return _months_later(anchor, steps)
        case "year":
            return _months_later(anchor, 12 * steps)
        case _:
            assert_never(term.interval)


def period(anchor: datetime, term: Term, n: int) -> tuple[datetime, datetime]:
    """The begin and the end of period `n`."""
    return boundary(anchor, term, n), boundary(anchor, term, n + 1)


_LONGEST = {"day": 1, "week": 7, "month": 31, "year": 366}


def number_at(anchor: datetime, term: Term, at: datetime) -> int:
    """Which period a moment falls into that is not before the anchor."""
    n = (at - anchor).days // (_LONGEST[term.interval] * term.count)
    while boundary(anchor, term, n + 1) <= at:
        n += 1
    return n


def _months_later(anchor: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last one."""
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))


_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def days_about(term: Term) -> int:
    """The term's length in days, good enough to tell the dearer and the longer of two plans."""
    return _DAYS[term.interval] * term.count
