"""How a subscription is told to its owner and to administrators."""

from datetime import datetime
from typing import Any
from uuid import UUID

from common.money import Money
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from billing.subscriptions.read_model import SubscriptionRow
from billing.terms import PlanTerms, Term

UNKEPT = {"Cache-Control": "private, no-store"}


class AgreedPlan(BaseModel):
    """The plan as it was agreed on; `price` is what a period costs this subscriber."""

    id: UUID
    slug: str
    name: str
    price: Money
    tax: str
    term: Term
    features: list[str]
    limits: dict[str, int]


class PendingChangeOut(BaseModel):
    """Another plan: from `takes_effect_at` on, or once `invoice_id` is paid."""

    plan: AgreedPlan
    takes_effect_at: datetime | None
    invoice_id: UUID | None


class SubscriptionOut(BaseModel):
    """A subscription. `status`: pending, trialing, active, past_due, unpaid, paused, ended."""

    id: UUID
    status: str
    plan: AgreedPlan
    payment_method: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    pause_at_period_end: bool
    pending_change: PendingChangeOut | None
    open_invoice_id: UUID | None
    next_retry_at: datetime | None
    access_until: datetime | None
    expires_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class AnySubscriptionOut(SubscriptionOut):
    """Somebody's subscription."""

    user_id: UUID


def plan_told(terms: PlanTerms) -> dict[str, Any]:
    """The agreed plan as JSON-ready values."""
    return {
        "id": str(terms.plan_id),
        "slug": terms.slug,
        "name": terms.name,
        "price": {"amount": terms.price.amount, "currency": terms.price.currency},
        "tax": terms.tax,
        "term": {"interval": terms.term.interval, "count": terms.term.count},
        "features": list(terms.features),
        "limits": dict(terms.limits),
    }


def subscription_told(row: SubscriptionRow) -> dict[str, Any]:
    """The subscription as JSON-ready values."""
    change = row.pending_change
    told = {
        "id": row.subscription_id,
        "status": row.status,
        "plan": plan_told(row.terms),
        "payment_method": row.provider,
        "current_period_start": row.period_starts_at,
        "current_period_end": row.period_ends_at,
        "trial_ends_at": row.trial_ends_at,
        "cancel_at_period_end": row.cancel_at_period_end,
        "pause_at_period_end": row.pause_at_period_end,
        "pending_change": change
        and {
            "plan": plan_told(change.terms),
            "takes_effect_at": change.takes_effect_at,
            "invoice_id": change.invoice_id,
        },
        "open_invoice_id": row.due_invoice_id,
        "next_retry_at": row.retry_at,
        "access_until": row.grace_until,
        "expires_at": row.expires_at,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "end_reason": row.end_reason,
    }
    jsonable: dict[str, Any] = to_jsonable_python(told)
    return jsonable


def any_subscription_told(row: SubscriptionRow) -> dict[str, Any]:
    """The same with whose it is."""
    return {**subscription_told(row), "user_id": str(row.account_id)}
