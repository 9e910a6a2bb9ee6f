"""When a picture was replaced or removed, or its account erased, its file goes."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.avatars import Avatars
from auth.profiles.events import AvatarRemoved, AvatarSet, ProfileErased


def throw_away_avatars_that_nobody_shows(avatars: Avatars) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, _: UUID) -> None:
        match record.event:
            case AvatarSet(account_id, _, replaced_id) | AvatarRemoved(account_id, replaced_id):
                if replaced_id is not None:
                    await avatars.forget(account_id, replaced_id)
            case ProfileErased(account_id):
                await avatars.forget_all(account_id)

    events = AvatarSet | AvatarRemoved | ProfileErased
    return Processor("throw_away_avatars_that_nobody_shows", events, act)
