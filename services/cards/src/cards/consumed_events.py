"""What cards reads of other services."""

from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from common.messages import ConsumedEvent
from pydantic import AfterValidator, Base64Bytes, Field

LARGEST_PORTRAIT = 64 * 1024
"""Bytes: more than twice what auth sends. Every vCard carries it."""


def _jpeg(picture: bytes) -> bytes:
    if not picture.startswith(b"\xff\xd8\xff"):
        raise ValueError("a portrait is a JPEG")
    return picture


Portrait = Annotated[Base64Bytes, Field(max_length=LARGEST_PORTRAIT), AfterValidator(_jpeg)]


class AccountErased(ConsumedEvent):
    """The owner of cards was erased."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID


class AvatarChanged(ConsumedEvent):
    """An account shows another picture of its person, or none. `portrait` is a small JPEG."""

    type_name: ClassVar[str] = "auth.avatar_changed.v1"

    account_id: UUID
    portrait: Portrait | None = None


class EntitlementsChanged(ConsumedEvent):
    """What an account may do has changed; `limits` says how much of what."""

    type_name: ClassVar[str] = "billing.entitlements_changed.v1"

    account_id: UUID
    limits: Mapping[str, int]
