"""When a refresh token came a second time and ended its session, a mail tells the owner."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.mails import Link, Mails
from auth.sessions.events import RefreshTokenReused


def tell_of_a_reused_refresh_token(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: RefreshTokenReused = record.event
        at = event.reused_at
        await mails.send("session_reuse", event.account_id, key, Link("reset"), at=at)

    return Processor("tell_of_a_reused_refresh_token", RefreshTokenReused, act)
