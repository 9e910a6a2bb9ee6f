"""All that cards holds about a person, for their export."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from common.kernel import Kernel

from cards.cards.read_model import all_cards_of


async def held_about(kernel: Kernel, account_id: UUID) -> Mapping[str, Any]:
    """Their cards, those in the trash too."""
    return {"cards": [asdict(card) for card in await all_cards_of(kernel.database, account_id)]}
