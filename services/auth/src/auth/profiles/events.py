"""What has happened to a profile; stored for ever, its content sealed under the account's key."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from common.facts import Personal, PersonalData, Subject


@dataclass(frozen=True)
class BillingAddress:
    """Where invoices are addressed to; `country` is an ISO 3166-1 alpha-2 code."""

    line1: str
    city: str
    country: str
    line2: str | None = None
    postal_code: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class ProfileDetails:
    """What somebody tells of themselves beside their name. `preferences` belong to the clients."""

    company: str | None = None
    billing_address: BillingAddress | None = None
    vat_number: str | None = None
    phone: str | None = None
    preferences: dict[str, str | bool | int] = field(default_factory=dict)


NOTHING = ProfileDetails()
"""A profile that nobody has filled in, and that of a person who was erased."""


@dataclass(frozen=True)
class ProfileChanged:
    """The profile says this now, and nothing else."""

    type_name: ClassVar[str] = "auth.profile_changed"

    account_id: Subject
    details: Annotated[ProfileDetails, PersonalData(fallback=NOTHING)]
    changed_at: datetime


@dataclass(frozen=True)
class AvatarSet:
    """Another picture is shown; the one before may be thrown away.

    `portrait` is the picture as others keep it: a small square JPEG in base64. None for pictures
    of the time before there were any.
    """

    type_name: ClassVar[str] = "auth.avatar_set"
    schema: ClassVar[int] = 2

    account_id: Subject
    picture_id: UUID
    replaced_id: UUID | None
    portrait: Personal[str | None]
    set_at: datetime


@dataclass(frozen=True)
class AvatarRemoved:
    """No picture is shown any more; the one before may be thrown away."""

    type_name: ClassVar[str] = "auth.avatar_removed"

    account_id: UUID
    replaced_id: UUID
    removed_at: datetime


@dataclass(frozen=True)
class ProfileErased:
    """The profile went with its account."""

    type_name: ClassVar[str] = "auth.profile_erased"

    account_id: UUID
    erased_at: datetime


ProfileEvent = ProfileChanged | AvatarSet | AvatarRemoved | ProfileErased


def _without_a_portrait(data: dict[str, Any]) -> dict[str, Any]:
    """Before others were told what a picture shows."""
    return {**data, "portrait": None}


UPCASTERS = {(AvatarSet.type_name, 1): _without_a_portrait}
