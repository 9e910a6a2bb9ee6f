"""How many live cards an account may have is the limit `cards.max` of what it is entitled to."""

from collections.abc import Iterable

from common.inbox import MessageView
from common.messages import Envelope
from common.statements import Write

from cards.allowances import DEFAULT_ALLOWED, allow
from cards.consumed_events import EntitlementsChanged

LIMIT = "cards.max"


def project(message: EntitlementsChanged, _: Envelope) -> Iterable[Write]:
    """Nothing happens to the cards of who has more: only new ones are refused."""
    yield allow(message.account_id, max(message.limits.get(LIMIT, DEFAULT_ALLOWED), 0))


LET_OWNERS_HAVE_AS_MANY_CARDS_AS_THEY_ARE_ENTITLED_TO = MessageView(EntitlementsChanged, project)
