"""How often a declined payment is tried again, and how long access stays."""

from datetime import datetime, timedelta

RETRY_AFTER = (timedelta(days=1), timedelta(days=3), timedelta(days=5), timedelta(days=7))
"""Counted from the first failure."""
GRACE = timedelta(days=7)
"""How long access stays after the last try."""
AWAITING_TRANSFER = "awaiting_transfer"
"""Why a period is not paid that nobody has tried to collect: it is tried again when it is due."""


def next_retry(first_failed_at: datetime, failures: int, *, hard: bool) -> datetime | None:
    """When to try again after so many failures; never after a hard one, nor after the last."""
    if hard or failures > len(RETRY_AFTER):
        return None
    return first_failed_at + RETRY_AFTER[failures - 1]
