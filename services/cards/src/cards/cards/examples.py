"""One good example of each message of a card: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from cards.card_details import CardDetails, Email, Link, Phone, PostalAddress
from cards.card_face import CardFace
from cards.cards.commands import (
    ChangeCard,
    CreateCard,
    DeleteCard,
    EraseCard,
    RestoreAnyCard,
    RestoreCard,
    ShowPortrait,
)
from cards.cards.events import (
    CardChanged,
    CardCreated,
    CardDeleted,
    CardErased,
    CardHandleChanged,
    CardPortraitChanged,
    CardRestored,
    CardVisibilityChanged,
)

CARD_ID = UUID("01990000-0000-7000-8000-00000000c001")
OWNER_ID = UUID("01990000-0000-7000-8000-00000000a001")
STRANGER_ID = UUID("01990000-0000-7000-8000-00000000a002")
CHANGE_ID = UUID("01990000-0000-7000-8000-00000000d001")
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
    phones=(Phone("+44 20 7946 0123", "work"), Phone("+44 20 7946 0124", "Reception")),
    emails=(Email("ada@engines.example", "work"),),
    addresses=(PostalAddress("5 Dorset Street, London", "Workshop"),),
    links=(Link("https://example.org/notes", "Notes on the engine"),),
    theme="ink",
    accent="#7a2e1d",
)
NEW_DETAILS = CardDetails(name="Ada King", title="Countess of Lovelace", email="ada@example.org")
SLUG = "k7m2xq9wd4hc"
FACE = CardFace(
    **vars(DETAILS), card_id=CARD_ID, version=1, updated_at=AT, slug=SLUG, handle="ada-lovelace"
)
BARE_FACE = CardFace(
    **vars(NEW_DETAILS), card_id=CARD_ID, version=2, updated_at=LATER, slug=SLUG, handle=None
)

CREATE = CreateCard(CARD_ID, OWNER_ID, DETAILS, SLUG, AT, "ada-lovelace", "public")
CHANGE_TITLE = ChangeCard(CARD_ID, OWNER_ID, (("title", "Countess"),), LATER)
DELETE = DeleteCard(CARD_ID, OWNER_ID, LATER)
RESTORE = RestoreCard(CARD_ID, OWNER_ID, LATER)
RESTORE_ANY = RestoreAnyCard(CARD_ID, LATER)
SHOW_PORTRAIT = ShowPortrait(CARD_ID, CHANGE_ID, True, LATER)
ERASE = EraseCard(CARD_ID, LATER)

CREATED = CardCreated(CARD_ID, OWNER_ID, DETAILS, SLUG, "ada-lovelace", "public", AT)
CHANGED = CardChanged(CARD_ID, OWNER_ID, NEW_DETAILS, LATER)
HANDLE_CHANGED = CardHandleChanged(CARD_ID, OWNER_ID, "countess", LATER)
VISIBILITY_CHANGED = CardVisibilityChanged(CARD_ID, "private", LATER)
PORTRAIT_CHANGED = CardPortraitChanged(CARD_ID, CHANGE_ID, True, LATER)
DELETED = CardDeleted(CARD_ID, LATER)
RESTORED = CardRestored(CARD_ID, LATER)
CARD_ERASED = CardErased(CARD_ID, LATER)

EVENTS = (
    CREATED,
    CHANGED,
    HANDLE_CHANGED,
    VISIBILITY_CHANGED,
    PORTRAIT_CHANGED,
    DELETED,
    RESTORED,
    CARD_ERASED,
)
