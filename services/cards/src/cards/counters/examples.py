"""One good example of each message of a card's counters."""

from datetime import date
from uuid import UUID

from cards.counters.commands import CountVisits
from cards.counters.events import Counts, VisitsCounted

CARD_ID = UUID("01990000-0000-7000-8000-00000000c001")
DAY = date(2026, 1, 31)
COUNTS = Counts(views=12, scans=3, downloads=2, clicks=5)

COUNT = CountVisits(CARD_ID, DAY, COUNTS)
COUNTED = VisitsCounted(CARD_ID, DAY, COUNTS)

EVENTS = (COUNTED,)
