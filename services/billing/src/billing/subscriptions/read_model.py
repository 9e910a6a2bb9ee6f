"""Subscriptions to read: one row each, with all that their owner and others may ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

from billing.subscriptions import events as facts
from billing.subscriptions.events import SubscriptionEvent
from billing.terms import PlanTerms

_AT = sa.DateTime(timezone=True)
subscriptions = sa.Table(
    "subscriptions",
    sa.MetaData(),
    sa.Column("subscription_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("terms", JSONB, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("period_starts_at", _AT),
    sa.Column("period_ends_at", _AT),
    sa.Column("trial_ends_at", _AT),
    sa.Column("cancel_at_period_end", sa.Boolean, nullable=False),
    sa.Column("pause_at_period_end", sa.Boolean, nullable=False),
    sa.Column("pending_change", JSONB),
    sa.Column("due_invoice_id", sa.Uuid),
    sa.Column("retry_at", _AT),
    sa.Column("grace_until", _AT),
    sa.Column("expires_at", _AT),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("ended_at", _AT),
    sa.Column("end_reason", sa.Text),
    sa.Index("subscriptions_by_account", "account_id", "subscription_id"),
    sa.Index("subscriptions_by_status", "status", "subscription_id"),
)
LIVE = ("trialing", "active", "past_due", "unpaid")
"""The states in which a subscriber has what the plan gives; `unpaid` is the grace."""

_TERMS = TypeAdapter(PlanTerms)
_INSERT = Statement(
    insert(subscriptions).values(
        {c.name: sa.bindparam(c.name, type_=c.type) for c in subscriptions.c}
    )
)
_UPDATES: dict[tuple[str, ...], Statement] = {}


def _update(names: tuple[str, ...]) -> Statement:
    """One statement for each set of columns that some event changes."""
    if names not in _UPDATES:
        columns = {n: sa.bindparam(f"new_{n}", type_=subscriptions.c[n].type) for n in names}
        id = subscriptions.c.subscription_id == sa.bindparam("id", type_=sa.Uuid)
        _UPDATES[names] = Statement(sa.update(subscriptions).where(id).values(columns))
    return _UPDATES[names]


def project(event: SubscriptionEvent, stamp: Stamp) -> list[Write]:
    """One row a subscription."""
    id = event.subscription_id
    if isinstance(event, facts.SubscriptionCreated):
        return [Write(_INSERT, _row(event, stamp), id)]
    changed = {"version": stamp.version, **_changes(event)}
    values = {f"new_{name}": value for name, value in changed.items()}
    return [Write(_update(tuple(changed)), values | {"id": id}, id)]


def _row(event: facts.SubscriptionCreated, stamp: Stamp) -> dict[str, Any]:
    return {
        **{c.name: None for c in subscriptions.c},
        "subscription_id": event.subscription_id,
        "account_id": event.account_id,
        "version": stamp.version,
        "status": "pending",
        "terms": _TERMS.dump_python(event.terms, mode="json"),
        "provider": event.provider,
        "cancel_at_period_end": False,
        "pause_at_period_end": False,
        "expires_at": event.expires_at,
        "created_at": event.created_at,
    }


_Begun = facts.SubscriptionActivated | facts.SubscriptionRenewed | facts.SubscriptionResumed


def _changes(event: SubscriptionEvent) -> Mapping[str, Any]:
    if isinstance(event, _Begun):
        return {
            **_agreed(event.terms),
            "status": "active",
            "period_starts_at": event.span.starts_at,
            "period_ends_at": event.span.ends_at,
            "pending_change": None,
            "due_invoice_id": None,
            "retry_at": None,
            "grace_until": None,
            "expires_at": None,
        }
    match event:
        case facts.TrialStarted():
            return {
                "status": "trialing",
                "period_starts_at": event.started_at,
                "period_ends_at": event.ends_at,
                "trial_ends_at": event.ends_at,
                "expires_at": None,
            }
        case facts.PeriodInvoiced():
            return {"due_invoice_id": event.invoice_id}
        case facts.SubscriptionPastDue():
            return {"status": "past_due", "retry_at": event.retry_at}
        case facts.SubscriptionUnpaid():
            return {"status": "unpaid", "retry_at": None, "grace_until": event.grace_until}
        case facts.SubscriptionEnded():
            return {"status": "ended", "ended_at": event.ended_at, "end_reason": event.reason}
        case facts.SubscriptionPaused():
            return {"status": "paused", "pause_at_period_end": False}
        case _:
            return _wished(event)


def _wished(event: SubscriptionEvent) -> Mapping[str, Any]:
    match event:
        case facts.CancellationScheduled() | facts.CancellationWithdrawn():
            return {"cancel_at_period_end": isinstance(event, facts.CancellationScheduled)}
        case facts.PauseScheduled() | facts.PauseWithdrawn():
            return {"pause_at_period_end": isinstance(event, facts.PauseScheduled)}
        case facts.PlanChangeScheduled():
            return {"pending_change": _change(event.terms, event.takes_effect_at, None)}
        case facts.UpgradeInvoiced():
            upgrade = event.upgrade
            return {"pending_change": _change(upgrade.terms, None, upgrade.invoice_id)}
        case facts.PlanChangeWithdrawn() | facts.OrderWithdrawn():
            return {"pending_change": None}
        case facts.PlanChanged() | facts.UpgradeReversed():
            return {
                **_agreed(event.terms),
                "period_starts_at": event.span.starts_at,
                "period_ends_at": event.span.ends_at,
                "pending_change": None,
            }
        case facts.SubscriptionExtended():
            trial = {"trial_ends_at": event.span.ends_at} if event.trial else {}
            return {"period_ends_at": event.span.ends_at, **trial}
        case _:
            return {}


def _agreed(terms: PlanTerms) -> Mapping[str, Any]:
    return {"terms": _TERMS.dump_python(terms, mode="json")}


def _change(terms: PlanTerms, at: datetime | None, invoice_id: UUID | None) -> Mapping[str, Any]:
    return {
        "terms": _TERMS.dump_python(terms, mode="json"),
        "takes_effect_at": at.isoformat() if at else None,
        "invoice_id": str(invoice_id) if invoice_id else None,
    }


SUBSCRIPTIONS = ReadModel(SubscriptionEvent, project, name="subscriptions", tables=(subscriptions,))


@dataclass(frozen=True)
class PendingChange:
    """Another plan, at `takes_effect_at` or once `invoice_id` is paid."""

    terms: PlanTerms
    takes_effect_at: datetime | None
    invoice_id: UUID | None


@dataclass(frozen=True)
class SubscriptionRow:
    """One subscription as it is read."""

    subscription_id: UUID
    account_id: UUID
    version: int
    status: str
    terms: PlanTerms
    provider: str
    period_starts_at: datetime | None
    period_ends_at: datetime | None
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    pause_at_period_end: bool
    pending_change: PendingChange | None
    due_invoice_id: UUID | None
    retry_at: datetime | None
    grace_until: datetime | None
    expires_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str | None


_ROW = TypeAdapter(SubscriptionRow)
_account = subscriptions.c.account_id == sa.bindparam("account", type_=sa.Uuid)
_newest = subscriptions.c.subscription_id.desc()
_BY_ID = Statement(
    sa.select(subscriptions).where(
        subscriptions.c.subscription_id == sa.bindparam("id", type_=sa.Uuid)
    )
)
_IN_STATES = Statement(
    sa.select(subscriptions)
    .where(
        _account,
        subscriptions.c.status == sa.any_(sa.bindparam("states", type_=sa.ARRAY(sa.Text))),
    )
    .order_by(_newest)
)
_none = {
    name: sa.bindparam(name, type_=t)
    for name, t in (("who", sa.Uuid), ("state", sa.Text), ("plan", sa.Text), ("name", sa.Text))
}
_name = sa.func.lower(subscriptions.c.terms["name"].as_string())
_named = sa.func.strpos(_name, sa.func.lower(_none["name"])) > 0
_filter = (
    sa.or_(_none["name"].is_(None), _named),
    sa.or_(_none["who"].is_(None), subscriptions.c.account_id == _none["who"]),
    sa.or_(_none["state"].is_(None), subscriptions.c.status == _none["state"]),
    sa.or_(_none["plan"].is_(None), subscriptions.c.terms["plan_id"].as_string() == _none["plan"]),
)
_PAGE = Statement(
    sa.select(subscriptions)
    .where(*_filter)
    .order_by(_newest)
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(subscriptions).where(*_filter))


def _read(row: Mapping[str, Any]) -> SubscriptionRow:
    return _ROW.validate_python(dict(row))


async def subscription_by_id(database: Database, id: UUID) -> SubscriptionRow | None:
    """The subscription."""
    row = await database.fetch_one(_BY_ID, id=id)
    return _read(row) if row else None


async def subscriptions_in(
    database: Database | Transaction, account: UUID, states: Sequence[str]
) -> list[SubscriptionRow]:
    """The account's subscriptions in one of these states, newest first."""
    rows = await database.fetch(_IN_STATES, account=account, states=list(states))
    return [_read(row) for row in rows]


async def subscriptions_page(
    database: Database,
    *,
    account: UUID | None = None,
    status: str | None = None,
    plan_id: UUID | None = None,
    plan_name: str | None = None,
    per_page: int,
    skip: int,
) -> tuple[list[SubscriptionRow], int]:
    """One page of subscriptions, newest first, and how many there are. `plan_name` is a part of
    the plan's name."""
    which = {"who": account, "state": status, "plan": str(plan_id) if plan_id else None}
    which["name"] = plan_name
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, **which, per_page=per_page, skip=skip)
        found = await reader.fetch_one(_NUMBER, **which)
    assert found is not None
    return [_read(row) for row in rows], found[0]
