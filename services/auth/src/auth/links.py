"""The rules of a link in a mail: it answers one request, once, in time; the newest one counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.problems import Invalid

AGAIN_AFTER = timedelta(minutes=1)
"""A link that was asked for so recently is on its way; nobody's mailbox is to be flooded."""


class LinkUsed(Invalid):
    """The link was followed already, or a newer one replaced it."""

    code = "link_used"
    detail = "This link was used already or replaced by a newer one. Ask for another."


class LinkExpired(Invalid):
    """The link is too old."""

    code = "link_expired"
    detail = "This link has expired. Ask for another."


@dataclass(frozen=True)
class Request:
    """What a link answers."""

    id: UUID
    at: datetime


def just_asked(request: Request | None, now: datetime) -> bool:
    """Whether another link would be one too many."""
    return request is not None and now < request.at + AGAIN_AFTER


def answer(request: Request | None, id: UUID, now: datetime, within: timedelta) -> None:
    """The link with this id is followed. Raises `LinkUsed` and `LinkExpired`."""
    if request is None or request.id != id:
        raise LinkUsed
    if now >= request.at + within:
        raise LinkExpired
