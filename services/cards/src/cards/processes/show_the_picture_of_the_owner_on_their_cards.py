"""When somebody shows another picture of themselves, or none, so do all their cards."""

from collections.abc import Sequence
from uuid import UUID

from common.inbox import Reaction, Received

from cards.allowances import hold
from cards.cards.commands import ShowPortrait
from cards.cards.decider import CARD
from cards.cards.read_model import card_ids_of
from cards.consumed_events import AvatarChanged
from cards.portraits import forget_portrait, keep_portrait


async def react(message: AvatarChanged, received: Received) -> None:
    """Keep the picture or forget it, and let each card record that it shows another one."""
    owner, transaction = message.account_id, received.transaction
    change_id = received.envelope.id
    if message.portrait is None:
        await transaction.write([forget_portrait(owner)])
    else:
        await transaction.write([keep_portrait(owner, change_id, message.portrait)])
    known = await card_ids_of(transaction, owner)
    await _tell(known, message, received)
    # only now: who deletes a card holds it and waits for this row, so we take them in that order
    if not await hold(transaction, owner):
        # erased, and told of another stream's message first: nothing of them may come back
        await transaction.write([forget_portrait(owner)])
        return
    made_meanwhile = [id for id in await card_ids_of(transaction, owner) if id not in known]
    await _tell(made_meanwhile, message, received, first=len(known))


async def _tell(
    cards: Sequence[UUID], message: AvatarChanged, received: Received, *, first: int = 0
) -> None:
    commands, transaction = received.commands, received.transaction
    change_id, shown = received.envelope.id, message.portrait is not None
    for n, card_id in enumerate(cards, start=first):
        command = ShowPortrait(card_id, change_id, shown, received.now)
        await commands.handle_in(transaction, CARD, card_id, command, received.cause(n))


SHOW_THE_PICTURE_OF_THE_OWNER_ON_THEIR_CARDS = Reaction(AvatarChanged, react)
