"""The pages that gather: what a person has, and their figures. Shapes name only what is read."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.aggregates import Aggregate, Part

NEWEST = 5
Number = Annotated[int, Field(ge=0)]


class Account(BaseModel):
    """Who it is."""

    id: UUID
    email: str
    email_verified: bool
    username: str | None
    name: str | None
    locale: str
    roles: list[str]


class Card(BaseModel):
    """A card, as far as a list of a few needs it."""

    id: UUID
    name: str
    title: str
    visibility: str
    updated_at: str


class Cards(BaseModel):
    """The newest cards, and how many there are."""

    items: Annotated[list[Card], Field(max_length=NEWEST)]
    total: Number


class Visits(BaseModel):
    """How many came to all cards together."""

    views: Number
    scans: Number
    downloads: Number
    clicks: Number


class VisitsOfCards(BaseModel):
    """What cards tells of visits."""

    total: Visits


class Listed(BaseModel):
    """A page of something that is handed on as it is."""

    items: Annotated[list[dict[str, Any]], Field(max_length=NEWEST)]
    total: Number


class Thing(BaseModel):
    """An object that is handed on as it is: its own service describes it."""

    model_config = ConfigDict(extra="allow")


class Active(BaseModel):
    """The newest live subscription, if there is one."""

    subscription: Thing | None


class Figure(BaseModel):
    """How many there are of something."""

    total: Number


class Balance(BaseModel):
    """What is left of the tokens."""

    balance: int


_FEW = f"per_page={NEWEST}".encode()
_CARDS = Part("cards", "cards", "/api/v1/cards/", Cards, query=_FEW)
_VISITS = Part(
    "visits", "cards", "/api/v1/user/visits", VisitsOfCards, lambda read: read.total, shown=Visits
)
_SUBSCRIPTION = Part(
    "subscription",
    "billing",
    "/api/v1/user/subscriptions/active",
    Active,
    lambda read: read.subscription,
    shown=Thing,
)
_OPEN = b"per_page=5&status=open"
_INVOICES = "/api/v1/user/invoices"
_TOKENS = Part(
    "tokens",
    "billing",
    "/api/v1/user/tokens/balance",
    Balance,
    lambda read: read.balance,
    shown=int,
)

OVERVIEW = Aggregate(
    "/api/v1/me/overview",
    (
        Part("account", "auth", "/api/v1/auth/me", Account, required=True),
        _CARDS,
        _VISITS,
        _SUBSCRIPTION,
        Part("open_invoices", "billing", _INVOICES, Listed, query=_OPEN),
        Part("entitlements", "billing", "/api/v1/user/entitlements", Thing),
        _TOKENS,
    ),
)
METRICS = Aggregate(
    "/api/v1/dashboard/metrics",
    (
        Part(
            "cards",
            "cards",
            "/api/v1/cards/",
            Figure,
            lambda read: read.total,
            shown=int,
            query=b"per_page=1",
            required=True,
        ),
        Part(
            "cards_in_trash",
            "cards",
            "/api/v1/cards/",
            Figure,
            lambda read: read.total,
            shown=int,
            query=b"deleted=true&per_page=1",
        ),
        _VISITS,
        _SUBSCRIPTION,
        Part(
            "open_invoices",
            "billing",
            _INVOICES,
            Figure,
            lambda read: read.total,
            shown=int,
            query=b"per_page=1&status=open",
        ),
        _TOKENS,
    ),
)
AGGREGATES = (OVERVIEW, METRICS)
