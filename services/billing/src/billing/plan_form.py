"""What a request may say of a plan, and how a plan is told to administrators."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from common.money import Money
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
)
from pydantic_core import PydanticCustomError, to_jsonable_python

from billing.catalogue import CataloguePlan
from billing.currencies import CURRENCIES
from billing.plan_details import NewPrice, PlanDetails, current_price
from billing.slugs import Slug, slug_of
from billing.terms import Interval, TaxBehaviour, Term

LARGEST = 10**12 - 1
"""Minor units of a price: a trillion less one, which any provider and any sum can hold."""

LAST_YEAR = 2999

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def one_line(text: str) -> str:
    """The text, without what breaks a line or turns its direction."""
    if _UNFIT.search(text):
        raise PydanticCustomError("one_line", "One line of text is needed.")
    return text


def _text(text: str) -> str:
    if _CONTROLS.search(text):
        raise PydanticCustomError("control_character", "Control characters are not allowed.")
    return text


def _in_utc(moment: datetime) -> datetime:
    if not 1 < moment.year <= LAST_YEAR:  # beyond it there are moments that UTC does not know
        raise PydanticCustomError("moment", f"A moment lies before the year {LAST_YEAR + 1}.")
    return moment.astimezone(UTC)


def _currency(text: str) -> str:
    if text.upper() not in CURRENCIES:
        raise PydanticCustomError("currency", "A currency is a code of ISO 4217, such as EUR.")
    return text.upper()


_TRIMMED = StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
Name = Annotated[str, _TRIMMED, AfterValidator(one_line)]
Reason = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Text = Annotated[str, Field(max_length=2_000), AfterValidator(_text)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=60)]
Currency = Annotated[str, Field(min_length=3, max_length=3), AfterValidator(_currency)]
Amount = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Small = Annotated[StrictInt, Field(ge=-10_000, le=10_000)]
Count = Annotated[StrictInt, Field(ge=0, le=10**9)]
STRICT = ConfigDict(extra="forbid")


class MoneyForm(BaseModel):
    """An amount in the currency's minor units."""

    model_config = STRICT

    amount: Amount
    currency: Currency


class TermForm(BaseModel):
    """How long a period is."""

    model_config = STRICT

    interval: Interval
    count: Annotated[StrictInt, Field(ge=1, le=36)] = 1


class PriceForm(BaseModel):
    """A price. It holds for new subscribers at once, for those there are from `existing_from`."""

    model_config = STRICT

    price: MoneyForm
    tax: TaxBehaviour = "inclusive"
    existing_from: Moment | None = None

    def value(self) -> NewPrice:
        """The price as the rules know it."""
        price = Money(self.price.amount, self.price.currency)
        return NewPrice(price, self.tax, self.existing_from)


class PlanFields(BaseModel):
    """What may be changed of a plan."""

    model_config = STRICT

    name: Name
    description: Text | None = None
    features: Annotated[list[Word], Field(max_length=100)] = []
    limits: Annotated[dict[Word, Count], Field(max_length=100)] = {}
    trial_days: Annotated[StrictInt, Field(ge=0, le=365)] = 0
    trial_needs_method: bool = True
    sort_order: Small = 0

    def values(self) -> dict[str, Any]:
        """What was written, by field of `PlanDetails`."""
        return {name: self._value(name) for name in _DETAILS if name in self.model_fields_set}

    def _value(self, name: str) -> Any:
        if name == "features":
            return tuple(sorted(set(self.features)))
        return tuple(sorted(self.limits.items())) if name == "limits" else getattr(self, name)


class NewPlan(
    PlanFields,
    json_schema_extra={
        "examples": [
            {
                "name": "Pro",
                "slug": "pro-monthly",
                "limits": {"cards.max": 10},
                "term": {"interval": "month"},
                "prices": [{"price": {"amount": 1999, "currency": "EUR"}}],
            }
        ]
    },
):
    """A new plan. Without a slug it is called as its name is; without a family it is its own."""

    slug: Slug | None = None
    family: Slug | None = None
    term: TermForm
    prices: Annotated[list[PriceForm], Field(min_length=1, max_length=50)]

    def called(self) -> str:
        """Its slug. Raises `ValueError` where the name has no letter that a slug may have."""
        slug = self.slug or slug_of(self.name)
        if not slug:
            raise ValueError("a name without a letter makes no slug")
        return slug

    def length(self) -> Term:
        """How long a period is."""
        return Term(self.term.interval, self.term.count)


class PlanChanges(PlanFields, json_schema_extra={"examples": [{"limits": {"cards.max": 25}}]}):
    """The fields that change; what is left out stays. Prices have a route of their own."""

    name: Name = ""


class NewPrices(
    BaseModel,
    json_schema_extra={"examples": [{"prices": [{"price": {"amount": 2499, "currency": "EUR"}}]}]},
):
    """Prices that shall hold from now on, one a currency; other currencies stay as they are."""

    model_config = STRICT

    prices: Annotated[list[PriceForm], Field(min_length=1, max_length=50)]


class PriceOut(BaseModel):
    """A price that was set at some time; `current` is what new subscribers pay."""

    version: int
    price: MoneyForm
    tax: TaxBehaviour
    existing_from: datetime | None
    set_at: datetime
    current: bool


class PlanOut(PlanFields):
    """A plan as administrators see it."""

    id: UUID
    slug: str
    family: str
    term: TermForm
    prices: list[PriceOut]
    category_ids: list[UUID]
    status: Literal["active", "retired"]
    created_at: datetime
    updated_at: datetime
    retired_at: datetime | None


_DETAILS = tuple(PlanFields.model_fields)


def details_of(form: NewPlan) -> PlanDetails:
    """All that a new plan gives."""
    return PlanDetails(**form.values())


def plan_out(plan: CataloguePlan, created_at: datetime, updated_at: datetime) -> dict[str, Any]:
    """A plan as `PlanOut` describes it, in JSON's own types."""
    details = {name: getattr(plan.details, name) for name in _DETAILS}
    told: dict[str, Any] = to_jsonable_python(
        {
            "id": plan.plan_id,
            "slug": plan.slug,
            "family": plan.family,
            **{**details, "limits": dict(plan.details.limits)},
            "term": plan.term,
            "prices": [
                {**_fields(price), "current": price == current_price(plan.prices, currency)}
                for price in plan.prices
                for currency in (price.price.currency,)
            ],
            "category_ids": plan.categories,
            "status": "active" if plan.retired_at is None else "retired",
            "created_at": created_at,
            "updated_at": updated_at,
            "retired_at": plan.retired_at,
        }
    )
    return told


def _fields(price: Any) -> dict[str, Any]:
    return {name: getattr(price, name) for name in price.__slots__}
