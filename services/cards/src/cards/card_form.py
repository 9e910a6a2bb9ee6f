"""What a request may say of a card, and how a card is told."""

import re
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from common.email_addresses import EmailAddress
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError, to_jsonable_python

from cards.card_details import (
    CardDetails,
    Email,
    Link,
    Phone,
    PostalAddress,
    Theme,
    Visibility,
)
from cards.card_face import CardFace, safe_link

_HANDLE = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,29}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def _web_address(text: str) -> str:
    link = safe_link(text)
    if link is None:
        raise PydanticCustomError("url", "A link begins with https:// or http:// and a host.")
    return link


def _website(text: str | None) -> str | None:
    return _web_address(text) if text else None


def _printable(text: str | None) -> str | None:
    if text and any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise PydanticCustomError("control_character", "Control characters are not allowed.")
    return text


def _line(text: str) -> str:
    if not text.strip() or "\n" in text:
        raise PydanticCustomError("one_line", "One line of text is needed.")
    return text.strip()


def _label(text: str) -> str:
    return _line(text) if text.strip() else ""


def _handle(text: str | None) -> str | None:
    handle = (text or "").strip().lower()
    if handle and (_HANDLE.fullmatch(handle) is None or len(handle) > 30):
        raise PydanticCustomError(
            "handle", "A handle has 3 to 30 letters a to z, digits and single hyphens inside."
        )
    return handle or None


def _colour(text: str | None) -> str | None:
    colour = (text or "").lower()
    if colour and _COLOUR.fullmatch(colour) is None:
        raise PydanticCustomError("colour", "A colour is written #rrggbb.")
    return colour or None


Line = Annotated[str, Field(max_length=100), AfterValidator(_printable), AfterValidator(_line)]
Label = Annotated[str, Field(max_length=40), AfterValidator(_printable), AfterValidator(_label)]
Address = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Short = Annotated[str | None, Field(max_length=200), AfterValidator(_printable)]
Text = Annotated[str | None, Field(max_length=2_000), AfterValidator(_printable)]
WebAddress = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]
Website = Annotated[str | None, Field(max_length=500), AfterValidator(_website)]
Handle = Annotated[str | None, Field(max_length=100), AfterValidator(_handle)]
Colour = Annotated[str | None, Field(max_length=7), AfterValidator(_colour)]


class PhoneForm(BaseModel):
    """A further number."""

    number: Line
    label: Label = ""


class EmailForm(BaseModel):
    """A further e-mail address."""

    email: EmailAddress
    label: Label = ""


class AddressForm(BaseModel):
    """A further place."""

    address: Address
    label: Label = ""


class LinkForm(BaseModel):
    """A link; without a label its address is shown."""

    url: WebAddress
    label: Label = ""


class NewCard(
    BaseModel,
    json_schema_extra={
        "examples": [{"name": "Ann Onym", "title": "Bookbinder", "email": "ann@example.org"}]
    },
):
    """What a new card says and who may find it."""

    name: Line
    title: Line
    email: EmailAddress
    phone: Short = None
    company: Short = None
    website: Website = None
    linkedin: Short = None
    instagram: Short = None
    bio: Text = None
    address: Short = None
    phones: Annotated[list[PhoneForm], Field(max_length=10)] = []
    emails: Annotated[list[EmailForm], Field(max_length=10)] = []
    addresses: Annotated[list[AddressForm], Field(max_length=5)] = []
    links: Annotated[list[LinkForm], Field(max_length=20)] = []
    theme: Theme = "ink"
    accent: Colour = None
    handle: Handle = None
    visibility: Visibility = "public"

    def values(self) -> dict[str, Any]:
        """What was written, by field."""
        return {name: _value(getattr(self, name)) for name in self.model_fields_set}

    def details(self) -> CardDetails:
        """All that the card says."""
        values = self.values()
        return CardDetails(**{name: values[name] for name in DETAILS if name in values})


class CardChanges(NewCard, json_schema_extra={"examples": [{"title": "Chief bookbinder"}]}):
    """The fields that change; `null` empties one that may be empty. What is left out stays."""

    name: Line = ""
    title: Line = ""
    email: EmailAddress = ""


class CardOut(NewCard):
    """A card as its owner sees it. `slug` is its permanent address, `url` the one to hand out."""

    id: UUID
    slug: str
    url: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


DETAILS = tuple(field.name for field in fields(CardDetails))


def card_out(
    face: CardFace, public_url: str, created_at: datetime, deleted_at: datetime | None
) -> dict[str, Any]:
    """A card as `CardOut` describes it, in JSON's own types.

    What is stored was checked when it came in, and stays readable when the checks change.
    """
    told: dict[str, Any] = to_jsonable_python(
        {
            "id": face.card_id,
            **{name: getattr(face, name) for name in DETAILS},
            "slug": face.slug,
            "handle": face.handle,
            "visibility": face.visibility,
            "url": page_url(public_url, face),
            "created_at": created_at,
            "updated_at": face.updated_at,
            "deleted_at": deleted_at,
        }
    )
    return told


def page_url(public_url: str, face: CardFace) -> str:
    """Where people read the card."""
    return f"{public_url}/view/{face.handle or face.slug}"


def _value(value: Any) -> Any:
    return tuple(map(_part, value)) if isinstance(value, list) else value


def _part(form: BaseModel) -> Phone | Email | PostalAddress | Link:
    match form:
        case PhoneForm():
            return Phone(form.number, form.label)
        case EmailForm():
            return Email(form.email, form.label)
        case AddressForm():
            return PostalAddress(form.address, form.label)
        case LinkForm():
            return Link(form.url, form.label)
        case _:
            raise TypeError(type(form).__name__)
