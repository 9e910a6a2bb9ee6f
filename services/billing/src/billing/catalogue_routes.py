"""HTTP for everybody: which plans there are and what they cost where one lives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any
from uuid import UUID

import orjson
from common.money import Money
from common.problems import NotFound
from common.service import Now, Page, Paging, not_modified
from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from billing.catalogue import CataloguePlan, CurrencyNotOffered
from billing.categories.read_model import CategoryRow, all_categories
from billing.category_tree import Node, tree_of, with_ancestors
from billing.plan_details import PriceVersion, current_price
from billing.plan_form import Currency, MoneyForm, TermForm
from billing.plans.read_model import PlanRow, offered_plans, plan_by_key
from billing.resources import Billing, Service
from billing.taxes import AppliedTax, TaxedPerson, tax_for, taxed
from billing.terms import TaxBehaviour, Term

router = APIRouter(tags=["catalogue"])

DEFAULT_CURRENCY = "EUR"


class CategoryUnknown(NotFound):
    """There is no category of that id or slug."""

    code = "category_unknown"
    detail = "There is no such category."


def _country(text: str) -> str:
    if not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise PydanticCustomError("country", "A country is a code such as DE, FR or GB.")
    return text.upper()


Country = Annotated[str, Field(max_length=2), AfterValidator(_country)]
InCurrency = Annotated[Currency, Query(description="ISO 4217")]
InCountry = Annotated[Country | None, Query(description="ISO 3166-1; unsaid, the seller's")]


class TaxOut(BaseModel):
    """The tax in a price: its rate in basis points, where and how it applies, and the amount."""

    rate: int
    country: str
    behaviour: TaxBehaviour
    amount: int


class CategoryRef(BaseModel):
    """A category that a plan stands in."""

    id: UUID
    slug: str
    name: str


class OfferedPlan(BaseModel):
    """A plan as everybody sees it. `price` is what was set; `net` and `gross` follow from tax."""

    id: UUID
    slug: str
    name: str
    description: str | None
    family: str
    features: list[str]
    limits: dict[str, int]
    term: TermForm
    trial_days: int
    trial_needs_method: bool
    price: MoneyForm
    net: MoneyForm
    gross: MoneyForm
    tax: TaxOut
    currencies: list[str]
    categories: list[CategoryRef]


class TermPrice(BaseModel):
    """What a term costs at the least; `id` is the plan's."""

    id: UUID
    unit_amount: int
    currency: str


class TermPrices(BaseModel):
    """The cheapest paid plan of each term, null where there is none."""

    monthly: TermPrice | None
    trimestral: TermPrice | None
    semestral: TermPrice | None
    yearly: TermPrice | None


TERMS = {
    "monthly": Term("month", 1),
    "trimestral": Term("month", 3),
    "semestral": Term("month", 6),
    "yearly": Term("year", 1),
}


@dataclass(frozen=True)
class Shop:
    """How plans are told to one who asks in this currency and country."""

    currency: str
    tax: AppliedTax
    categories: Sequence[CategoryRow]

    def told(self, plan: CataloguePlan, price: PriceVersion) -> dict[str, Any]:
        """The plan as `OfferedPlan` describes it."""
        parts = taxed(price.price, price.tax, self.tax.basis_points)
        details = asdict(plan.details)
        details.pop("sort_order")
        return {
            "id": str(plan.plan_id),
            "slug": plan.slug,
            "family": plan.family,
            **details,
            "limits": dict(plan.details.limits),
            "term": asdict(plan.term),
            **{name: asdict(getattr(parts, name)) for name in ("net", "gross")},
            "price": asdict(price.price),
            "tax": {
                "rate": self.tax.basis_points,
                "country": self.tax.country,
                "behaviour": price.tax,
                "amount": parts.tax.amount,
            },
            "currencies": sorted({p.price.currency for p in plan.prices}),
            "categories": [
                {"id": str(row.category_id), "slug": row.slug, "name": row.details.name}
                for row in self.categories
                if row.category_id in plan.categories
            ],
        }


@router.get("/api/v1/tarif-plans", response_model=Page[OfferedPlan])
@router.get("/api/v1/tarif-plans/", response_model=Page[OfferedPlan], include_in_schema=False)
async def list_offered_plans(
    request: Request,
    paging: Paging,
    now: Now,
    service: Service,
    category: Annotated[str | None, Query(max_length=100, description="Id or slug")] = None,
    currency: InCurrency = DEFAULT_CURRENCY,
    country: InCountry = None,
) -> Response:
    """Plans that may be subscribed to in this currency, those of a category and all below it."""
    shop = await _shop(service, currency, country, now)
    rows = await offered_plans(service.kernel.database)
    if category is not None:
        wanted = _below(shop.categories, category)
        rows = [row for row in rows if not wanted.isdisjoint(row.plan.categories)]
    sold = list(_sold(rows, currency))
    items = [shop.told(*one) for one in sold[paging.offset :][: paging.per_page]]
    page = paging.page_of(items, len(sold))
    return _answer(request, page, "plan", "plan_category")


@router.get("/api/v1/tarif-plans/{key}", response_model=OfferedPlan)
async def get_offered_plan(
    request: Request,
    key: str,
    now: Now,
    service: Service,
    currency: InCurrency = DEFAULT_CURRENCY,
    country: InCountry = None,
) -> Response:
    """One plan that may be subscribed to, by its id or slug."""
    row = await plan_by_key(service.kernel.database, key)
    if row is None or row.plan.retired_at is not None:
        raise NotFound
    price = current_price(row.plan.prices, currency)
    if price is None:
        raise CurrencyNotOffered
    shop = await _shop(service, currency, country, now)
    told = shop.told(row.plan, price)
    return _answer(request, told, f"plan/{row.plan.plan_id}", "plan_category")


@router.get("/api/v1/subscription/prices", response_model=TermPrices)
async def subscription_prices(
    request: Request, service: Service, currency: InCurrency = DEFAULT_CURRENCY
) -> Response:
    """What a subscription costs a month, a quarter, half a year, a year, at the least."""
    sold = list(_sold(await offered_plans(service.kernel.database), currency))
    found = {name: _cheapest(sold, term) for name, term in TERMS.items()}
    return _answer(request, found, "plan")


async def _shop(service: Billing, currency: str, country: str | None, now: datetime) -> Shop:
    seller = service.settings.seller_country
    tax = tax_for(TaxedPerson(country), seller, now)
    return Shop(currency, tax, await all_categories(service.kernel.database))


def _sold(rows: Iterable[PlanRow], currency: str) -> Iterable[tuple[CataloguePlan, PriceVersion]]:
    for row in rows:
        price = current_price(row.plan.prices, currency)
        if price is not None:
            yield row.plan, price


def _cheapest(
    sold: Iterable[tuple[CataloguePlan, PriceVersion]], term: Term
) -> dict[str, Any] | None:
    paid = [(p, price) for p, price in sold if p.term == term and price.price.amount > 0]
    if not paid:
        return None
    plan, price = min(paid, key=lambda one: one[1].price.amount)
    money: Money = price.price
    return {
        "id": str(plan.plan_id),
        "unit_amount": money.amount,
        "currency": money.currency,
    }


def _below(categories: Sequence[CategoryRow], key: str) -> set[UUID]:
    """The category of this id or slug, and all that stand in it. Raises `CategoryUnknown`."""
    found = [row.category_id for row in categories if key in (row.slug, str(row.category_id))]
    if not found:
        raise CategoryUnknown
    nodes = (
        Node(row.category_id, row.details.parent_id, row.details.is_single) for row in categories
    )
    tree = tree_of(nodes)
    return {
        id for id in tree if any(node.category_id in found for node in with_ancestors(tree, id))
    }


def _answer(request: Request, body: Mapping[str, Any], *tags: str) -> Response:
    """What gateway and clients may keep and ask about; the content itself is its version."""
    content = orjson.dumps(body)
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"Cache-Tags": ", ".join(tags), "Cache-Control": "public, no-cache"}
    cached = not_modified(request, tag, headers)
    return cached or Response(content, 200, {**headers, "ETag": tag}, "application/json")
