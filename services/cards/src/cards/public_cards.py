"""A card as everybody may ask for it: found by its address, with what a cache may do with it."""

from common.access_tokens import Identity
from common.problems import NotFound

from cards.card_face import CardFace
from cards.cards.read_model import CardRow, card_at
from cards.cards.routes import Cards
from cards.portraits import portrait_of


async def shown_row(service: Cards, address: str, reader: Identity | None) -> CardRow:
    """The card with this id, slug or handle. Raises `NotFound`, also for one in the trash and for
    a private one unless its owner reads."""
    row = await card_at(service.kernel.database, address)
    if row is None or not row.is_shown_to(reader.account_id if reader else None):
        raise NotFound
    return row


async def shown_portrait(service: Cards, row: CardRow) -> bytes | None:
    """The picture of the card's owner, a JPEG, if the card shows it."""
    if row.face().portrait_id is None:
        return None
    return await portrait_of(service.kernel.database, row.owner_id)


def address_of(face: CardFace) -> str:
    """What stands behind `/view/` for people: the handle, else the slug."""
    return face.handle or face.slug


def page_url(service: Cards, face: CardFace) -> str:
    """The address that people pass on."""
    return f"{service.public_url}/view/{address_of(face)}"


def lasting_url(service: Cards, face: CardFace) -> str:
    """The address for what is kept in a telephone: it outlives a handle."""
    return f"{service.public_url}/view/{face.slug}"


def scan_url(service: Cards, face: CardFace) -> str:
    """The address in the QR code, which may be printed: lasting, and known for a scan."""
    return f"{lasting_url(service, face)}?via=qr"


def card_headers(face: CardFace, variant: str) -> dict[str, str]:
    """What a cache needs; `variant` tells this answer from others of the same card."""
    kept = "private" if face.visibility == "private" else "public, no-cache"
    return {
        "Cache-Tags": f"card/{face.card_id}",
        "Cache-Control": kept,
        "ETag": f'"{variant}"',
    }
