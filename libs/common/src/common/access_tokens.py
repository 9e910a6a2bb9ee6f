"""Who calls: auth's access tokens, and the short internal token that the gateway makes of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

IDENTITY_HEADER = "cartulary-identity"
"""Carries the internal token from the gateway to a service; the gateway removes it from outside."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose token was verified."""

    account_id: UUID
    session_id: UUID
    roles: frozenset[str]
    expires_at: datetime
