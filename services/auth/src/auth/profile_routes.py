"""HTTP for profiles and pictures: an account's own, and its picture for everybody."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from common.database import Transaction
from common.event_store import Cause
from common.facts import UNSET
from common.idempotency import RequestCause
from common.kernel import Kernel
from common.problems import PreconditionFailed
from common.service import Caller, IfMatch, etag, not_modified
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import RenameAccount
from auth.accounts.decider import ACCOUNT, AccountIsSuspended
from auth.accounts.read_model import AccountRow
from auth.accounts.routes import Name, one_line, own_account
from auth.countries import COUNTRIES
from auth.profiles.commands import ChangeProfile
from auth.profiles.decider import PROFILE
from auth.profiles.events import BillingAddress
from auth.profiles.read_model import ProfileRow, profile_of
from auth.resources import Auth, Service
from auth.signing_out import part_of

router = APIRouter(tags=["profiles"])

_VAT_NUMBER = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,15}")
_PHONE = re.compile(r"\+?[0-9 ().\-/]{4,30}")


def _country(text: str) -> str:
    if text.upper() not in COUNTRIES:
        raise PydanticCustomError("country", "A country is a code such as DE, FR or GB.")
    return text.upper()


def _vat_number(text: str) -> str:
    number = re.sub(r"[\s.\-]", "", text).upper()
    if not _VAT_NUMBER.fullmatch(number):
        raise PydanticCustomError(
            "vat_number", "A VAT number begins with its country, such as FR12345678901."
        )
    return number


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text) or not any(c.isdigit() for c in text):
        raise PydanticCustomError(
            "phone", "A telephone number has digits, such as +33 3 88 01 02 03."
        )
    return text


_TRIMMED = StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
Line = Annotated[str, _TRIMMED, AfterValidator(one_line)]
Country = Annotated[str, Field(max_length=2), AfterValidator(_country)]
VatNumber = Annotated[str, Field(max_length=30), AfterValidator(_vat_number)]
Phone = Annotated[str, _TRIMMED, AfterValidator(_phone)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
Text = Annotated[str, Field(max_length=500)]
WholeNumber = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]


class Address(BaseModel):
    """Where invoices are addressed to; `country` is an ISO 3166-1 alpha-2 code."""

    line1: Line
    line2: Line | None = None
    postal_code: Line | None = None
    city: Line
    region: Line | None = None
    country: Country


class ProfileFields(
    BaseModel,
    json_schema_extra={
        "examples": [
            {
                "company": "Atelier Verran",
                "phone": "+33 3 88 01 02 03",
                "vat_number": "FR40303265045",
            }
        ]
    },
):
    """What somebody tells of themselves. In a PATCH, what is left out stays, and `null` empties."""

    name: Name | None = None
    company: Line | None = None
    billing_address: Address | None = None
    vat_number: VatNumber | None = None
    phone: Phone | None = None


class WholeProfile(ProfileFields):
    """Everything that the profile says from now on."""

    preferences: Annotated[dict[Key, Text | bool | WholeNumber], Field(max_length=50)] = {}


class ProfileChanges(ProfileFields):
    """What changes; of the preferences those named, `null` drops one."""

    preferences: Annotated[dict[Key, Text | bool | WholeNumber | None], Field(max_length=100)] = {}


class ProfileOut(WholeProfile):
    """A profile as its owner sees it."""

    id: UUID
    email: str
    avatar_url: str | None
    updated_at: datetime | None


@router.get("/api/v1/user/profile", response_model=ProfileOut)
async def get_profile(request: Request, caller: Caller, service: Service) -> Response:
    """The caller's profile."""
    account, profile = await _both(service, caller.account_id)
    headers = {**profile_tags(account.account_id), "Cache-Control": "private"}
    tag = etag(_version(account, profile))
    cached = not_modified(request, tag, headers)
    return cached or _shown(service.settings.public_url, account, profile, headers)


@router.put("/api/v1/user/profile", response_model=ProfileOut)
async def replace_profile(
    body: WholeProfile, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Let the profile say this and nothing else."""
    changes = body.model_dump()
    return await _change(service, caller.account_id, changes, {}, cause, if_match)


@router.patch("/api/v1/user/profile", response_model=ProfileOut)
async def change_profile(
    body: ProfileChanges, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Change some of what the profile says."""
    changes = body.model_dump(exclude_unset=True)
    preferences = changes.pop("preferences", {})
    return await _change(service, caller.account_id, changes, preferences, cause, if_match)


def profile_tags(account_id: UUID) -> dict[str, str]:
    """What a cache must forget these answers for: a change of the profile, or of the account."""
    return {"Cache-Tags": f"profile/{account_id}, account/{account_id}"}


def avatar_url(public_url: str, profile: ProfileRow) -> str | None:
    """Where the picture is shown, if there is one."""
    if profile.picture_id is None:
        return None
    return f"{public_url}/api/v1/users/{profile.account_id}/avatar"


async def _both(service: Auth, account_id: UUID) -> tuple[AccountRow, ProfileRow]:
    account = await own_account(service, account_id)
    return account, await profile_of(service.kernel.database, account_id)


def _version(account: AccountRow, profile: ProfileRow) -> int:
    """Grows with either: the answer shows something of both."""
    return account.version + profile.version


async def _change(
    service: Auth,
    id: UUID,
    changes: dict[str, Any],
    preferences: Mapping[str, str | bool | int | None],
    cause: Cause,
    if_match: int | None,
) -> Response:
    kernel = service.kernel
    account, profile = await _both(service, id)
    if account.suspended_at is not None:
        raise AccountIsSuspended
    if if_match not in (None, _version(account, profile)):
        raise PreconditionFailed
    rename = _renaming(account, changes, cause)
    if changes.get("billing_address"):
        changes["billing_address"] = BillingAddress(**changes["billing_address"])
    handled = await kernel.commands.handle(
        PROFILE,
        id,
        ChangeProfile(id, tuple(changes.items()), cause.now, tuple(preferences.items())),
        cause,
        expected=None if if_match is None else profile.version,
        then=partial(_rename, kernel, rename, cause),
    )
    account, profile = await _both(service, id)
    headers = profile_tags(id)
    if handled.replayed:
        headers["Idempotent-Replayed"] = "true"
    return _shown(service.settings.public_url, account, profile, headers)


def _renaming(account: AccountRow, changes: dict[str, Any], cause: Cause) -> RenameAccount | None:
    """The name is the account's: it is taken out of the changes."""
    if "name" not in changes:
        return None
    id, name = account.account_id, changes.pop("name")
    return RenameAccount(id, UNSET, name, UNSET, by=id, now=cause.now)


async def _rename(
    kernel: Kernel, rename: RenameAccount | None, cause: Cause, transaction: Transaction
) -> None:
    if rename is None:
        return
    id = rename.account_id
    await kernel.commands.handle_in(transaction, ACCOUNT, id, rename, part_of(cause, id))


def _shown(
    public_url: str, account: AccountRow, profile: ProfileRow, headers: Mapping[str, str]
) -> Response:
    address = profile.details["billing_address"]
    values: dict[str, Any] = {
        **profile.details,
        "billing_address": Address.model_construct(**address) if address else None,
        "id": account.account_id,
        "email": account.email,
        "name": account.name,
        "avatar_url": avatar_url(public_url, profile),
        "updated_at": profile.changed_at,
    }
    # what is stored was checked when it came in, and must stay readable when the checks change
    body = ProfileOut.model_construct(**values).model_dump(mode="json")
    return JSONResponse(body, headers={**headers, "ETag": etag(_version(account, profile))})
