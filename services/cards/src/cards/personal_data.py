"""All that cards holds about a person, for their export."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from common.kernel import Kernel

from cards.cards.read_model import all_cards_of
from cards.portraits import portrait_of


async def held_about(kernel: Kernel, account_id: UUID) -> Mapping[str, Any]:
    """Their cards, those in the trash too, and the picture that these show."""
    cards = await all_cards_of(kernel.database, account_id)
    jpeg = await portrait_of(kernel.database, account_id)
    return {"cards": [asdict(card) for card in cards], "portrait": jpeg and _written(jpeg)}


def _written(jpeg: bytes) -> Mapping[str, str]:
    return {"content_type": "image/jpeg", "base64": b64encode(jpeg).decode()}
