"""One file with all that is held about a person: our own part, and those of the other services.

Which services hold something is declared here and nowhere else.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from common.database import Database
from common.personal_data_export import PartAway, PersonalDataHolders
from pydantic import BaseModel

from auth.accounts.read_model import AccountRow
from auth.profiles.read_model import profile_of
from auth.sessions.decider import IDLE, LONGEST
from auth.sessions.read_model import live_sessions
from auth.views.what_happened_to_an_account import Activity, whole_activity_of

HOLDERS = ("cards", "billing")
"""The other services that hold something of a person; each has `/internal/personal-data/…`."""

_SECRET = frozenset({"email_index", "password_hash", "username_folded"})

log = structlog.get_logger(__name__)


class MissingPart(BaseModel):
    """A service that was away; asking again later may bring its part."""

    part: str
    reason: str
    retryable: bool


class Export(BaseModel):
    """All that is held about a person; `parts` are other services' by name, null when missing."""

    exported_at: datetime
    account: dict[str, Any]
    profile: dict[str, Any]
    sessions: list[dict[str, Any]]
    activity: list[Activity]
    parts: dict[str, Any]
    partial: list[MissingPart]


@dataclass(frozen=True)
class Exporter:
    """Gathers it."""

    database: Database
    holders: PersonalDataHolders

    async def export(self, account: AccountRow, now: datetime) -> Export:
        """What is held at this moment."""
        id = account.account_id
        parts = await asyncio.gather(*(self._part(service, id) for service in HOLDERS))
        found = dict(zip(HOLDERS, parts, strict=True))
        sessions = await live_sessions(
            self.database, id, used_after=now - IDLE, started_after=now - LONGEST
        )
        return Export(
            exported_at=now,
            account=_known(asdict(account)),
            profile=_known(asdict(await profile_of(self.database, id))),
            sessions=[asdict(session) for session in sessions],
            activity=[row.told() for row in await whole_activity_of(self.database, id)],
            parts=found,
            partial=[
                MissingPart(part=service, reason="unavailable", retryable=True)
                for service, part in found.items()
                if part is None
            ],
        )

    async def _part(self, service: str, account_id: UUID) -> Mapping[str, Any] | None:
        try:
            return await self.holders.held_by(service, account_id)
        except PartAway as away:
            log.warning("export_part_missing", reason=str(away))
            return None


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Without what tells nothing of the person and opens something to a thief."""
    return {name: value for name, value in row.items() if name not in _SECRET}
