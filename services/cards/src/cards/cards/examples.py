"""One good example of each message of a card: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from cards.cards.commands import ChangeCard, CreateCard, DeleteCard, EraseCard, RestoreCard
from cards.cards.events import (
    CardChanged,
    CardCreated,
    CardDeleted,
    CardDetails,
    CardErased,
    CardRestored,
)

CARD_ID = UUID("01990000-0000-7000-8000-00000000c001")
OWNER_ID = UUID("01990000-0000-7000-8000-00000000a001")
STRANGER_ID = UUID("01990000-0000-7000-8000-00000000a002")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)

DETAILS = CardDetails(
    name="Ada Lovelace",
    title="Analyst",
    email="ada@example.org",
    phone="+44 20 7946 0958",
    company="Analytical Engines",
    website="https://example.org",
    linkedin="ada-lovelace",
    instagram="ada",
    bio="I write programmes for engines that are not built yet.",
    address="12 St James's Square, London",
)
NEW_DETAILS = CardDetails(name="Ada King", title="Countess of Lovelace", email="ada@example.org")

CREATE = CreateCard(CARD_ID, OWNER_ID, DETAILS, AT)
CHANGE_TITLE = ChangeCard(CARD_ID, OWNER_ID, (("title", "Countess"),), LATER)
DELETE = DeleteCard(CARD_ID, OWNER_ID, LATER)
RESTORE = RestoreCard(CARD_ID, OWNER_ID, LATER)
ERASE = EraseCard(CARD_ID, LATER)

CREATED = CardCreated(CARD_ID, OWNER_ID, DETAILS, AT)
CHANGED = CardChanged(CARD_ID, OWNER_ID, NEW_DETAILS, LATER)
DELETED = CardDeleted(CARD_ID, LATER)
RESTORED = CardRestored(CARD_ID, LATER)
CARD_ERASED = CardErased(CARD_ID, LATER)

EVENTS = (CREATED, CHANGED, DELETED, RESTORED, CARD_ERASED)
