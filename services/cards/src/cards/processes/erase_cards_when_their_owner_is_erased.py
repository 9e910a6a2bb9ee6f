"""When an account is erased, its cards go, and with its key everything they ever said."""

from common.inbox import Reaction, Received

from cards.allowances import close
from cards.cards.commands import EraseCard
from cards.cards.decider import CARD
from cards.cards.read_model import card_ids_of
from cards.consumed_events import AccountErased
from cards.portraits import forget_portrait


async def react(message: AccountErased, received: Received) -> None:
    """Destroy the owner's key here, then let each card record that it is gone."""
    commands, transaction, now = received.commands, received.transaction, received.now
    # first: whoever makes a card at this moment is waited for, and finds the door closed after us
    await transaction.write([close(message.account_id), forget_portrait(message.account_id)])
    await commands.store.keys.erase(transaction, message.account_id, now)
    for n, card_id in enumerate(await card_ids_of(transaction, message.account_id)):
        command = EraseCard(card_id, now)
        await commands.handle_in(transaction, CARD, card_id, command, received.cause(n))


ERASE_CARDS_WHEN_THEIR_OWNER_IS_ERASED = Reaction(AccountErased, react)
