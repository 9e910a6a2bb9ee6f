"""Payments to read: every attempt of an invoice, and whose a provider's reference is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.money import Money
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

from billing.payments import events as facts
from billing.payments.events import PaymentEvent

_AT = sa.DateTime(timezone=True)
payments = sa.Table(
    "payments",
    sa.MetaData(),
    sa.Column("payment_id", sa.Uuid, primary_key=True),
    sa.Column("invoice_id", sa.Uuid, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("amount", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("page", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("reference", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("captured", JSONB),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("dispute", sa.Text),
    sa.Column("started_at", _AT, nullable=False),
    sa.Column("expires_at", _AT),
    sa.Column("settled_at", _AT),
    sa.Index("payments_by_invoice", "invoice_id", "attempt"),
    sa.Index("payments_by_page", "page"),
    sa.Index("payments_by_reference", "reference"),
    sa.Index("payments_held", "payment_id", postgresql_where=sa.text("held > 0")),
    sa.Index("payments_disputed", "payment_id", postgresql_where=sa.text("dispute is not null")),
)
OPEN = ("started", "pending", "unknown")
_MONEY = TypeAdapter(Money)
_INSERT = Statement(
    insert(payments).values({c.name: sa.bindparam(c.name, type_=c.type) for c in payments.c})
)
_UPDATES: dict[tuple[str, ...], Statement] = {}


def _update(names: tuple[str, ...]) -> Statement:
    if names not in _UPDATES:
        columns = {n: sa.bindparam(f"new_{n}", type_=payments.c[n].type) for n in names}
        id = payments.c.payment_id == sa.bindparam("id", type_=sa.Uuid)
        _UPDATES[names] = Statement(sa.update(payments).where(id).values(columns))
    return _UPDATES[names]


def project(event: PaymentEvent, stamp: Stamp) -> list[Write]:
    """One row an attempt."""
    id = event.payment_id
    if isinstance(event, facts.PaymentStarted):
        return [Write(_INSERT, _row(event, stamp), ("payment", id))]
    if isinstance(event, _Moving):
        return [_moved(event, stamp)]
    changed = {"version": stamp.version, **_changes(event)}
    values = {f"new_{name}": value for name, value in changed.items()}
    return [Write(_update(tuple(changed)), values | {"id": id}, ("payment", id))]


def _row(event: facts.PaymentStarted, stamp: Stamp) -> dict[str, Any]:
    return {
        **{c.name: None for c in payments.c},
        "payment_id": event.payment_id,
        "invoice_id": event.invoice_id,
        "account_id": event.account_id,
        "version": stamp.version,
        "attempt": event.attempt,
        "provider": event.provider,
        "means": event.means,
        "amount": _MONEY.dump_python(event.amount),
        "status": "started",
        "held": 0,
        "started_at": event.started_at,
    }


_Settled = (
    facts.PaymentSucceeded | facts.PaymentHeld | facts.PaymentDeclined | facts.PaymentNotAttempted
)


_Asked = facts.PaymentPageOpened | facts.PaymentPending | facts.PaymentUnknown
_Looked = facts.PaymentAccepted | facts.PaymentDisputed | facts.DisputeWon
_Refunds = facts.PaymentRefundSent | facts.PaymentRefunded
_Moving = facts.PaymentRefundRequested | facts.PaymentRefundFailed | facts.DisputeLost
"""Facts by which what is held becomes less, or more again."""


def _changes(event: _Settled | _Asked | _Looked | _Refunds) -> Mapping[str, Any]:
    match event:
        case facts.PaymentPageOpened():
            return {"page": event.page, "url": event.url, "expires_at": event.expires_at}
        case facts.PaymentPending():
            act = {"url": event.action_url} if event.action_url else {}
            return {"status": "pending", "reference": event.reference, **act}
        case facts.PaymentUnknown():
            return {"status": "unknown", "reference": event.reference}
        case facts.PaymentAccepted():
            return {"status": "succeeded", "held": event.over.amount}
        case facts.PaymentDisputed():
            return {"dispute": "open"}
        case facts.DisputeWon():
            return {"dispute": "won"}
        case facts.PaymentRefundSent() | facts.PaymentRefunded():
            return {}
        case _:
            return _settled(event)


def _settled(event: _Settled) -> Mapping[str, Any]:
    match event:
        case facts.PaymentSucceeded():
            settled = {"reference": event.reference, "settled_at": event.succeeded_at}
            return {"status": "succeeded", **_came_in(event.captured), **settled}
        case facts.PaymentHeld():
            settled = {"reference": event.reference, "settled_at": event.held_at}
            held = {"held": event.captured.amount, **_came_in(event.captured)}
            return {"status": "held", "code": event.reason, **held, **settled}
        case facts.PaymentDeclined():
            return {"status": "declined", "code": event.code, "settled_at": event.declined_at}
        case facts.PaymentNotAttempted():
            return {"status": "not_attempted", "code": event.code, "settled_at": event.ended_at}
        case _:
            assert_never(event)


def _came_in(captured: Money) -> Mapping[str, Any]:
    return {"captured": _MONEY.dump_python(captured)}


_less = sa.bindparam("less", type_=sa.BigInteger)
_waits = sa.or_(payments.c.status == "held", payments.c.status == "refunded")
_MOVE = Statement(
    sa.update(payments)
    .where(payments.c.payment_id == sa.bindparam("id", type_=sa.Uuid))
    .values(
        version=sa.bindparam("new_version", type_=sa.Integer),
        held=sa.func.greatest(payments.c.held - _less, 0),
        dispute=sa.func.coalesce(sa.bindparam("new_dispute", type_=sa.Text), payments.c.dispute),
        status=sa.case(
            (sa.and_(_waits, payments.c.held > _less), "held"),
            (_waits, "refunded"),
            else_=payments.c.status,
        ),
    )
)


def _moved(event: _Moving, stamp: Stamp) -> Write:
    back = isinstance(event, facts.PaymentRefundFailed)
    values = {
        "id": event.payment_id,
        "new_version": stamp.version,
        "less": -event.amount.amount if back else event.amount.amount,
        "new_dispute": "lost" if isinstance(event, facts.DisputeLost) else None,
    }
    return Write(_MOVE, values, ("payment", event.payment_id))


PAYMENTS = ReadModel(PaymentEvent, project, name="payments", tables=(payments,))


@dataclass(frozen=True)
class PaymentRow:
    """One attempt as it is read. `page` is the checkout page, `reference` the payment itself;
    `held` is how much of `captured` waits for a decision, `dispute` open, won or lost."""

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID
    version: int
    attempt: int
    provider: str
    means: str
    amount: Money
    status: str
    page: str | None
    url: str | None
    reference: str | None
    code: str | None
    captured: Money | None
    held: int
    dispute: str | None
    started_at: datetime
    expires_at: datetime | None
    settled_at: datetime | None


_ROW = TypeAdapter(PaymentRow)
_id = sa.bindparam("id", type_=sa.Uuid)
_text = sa.bindparam("text", type_=sa.Text)
_provider = payments.c.provider == sa.bindparam("provider", type_=sa.Text)
_BY_ID = Statement(sa.select(payments).where(payments.c.payment_id == _id))
_OF_INVOICE = Statement(
    sa.select(payments).where(payments.c.invoice_id == _id).order_by(payments.c.attempt.desc())
)
_NAMED = Statement(
    sa.select(payments).where(
        _provider, sa.or_(payments.c.page == _text, payments.c.reference == _text)
    )
)
_OPEN_ONES = Statement(
    sa.select(payments)
    .where(_provider, payments.c.status == sa.any_(sa.bindparam("states", type_=sa.ARRAY(sa.Text))))
    .order_by(payments.c.started_at)
)


def payment_row(row: Mapping[str, Any]) -> PaymentRow:
    """A row of the table as an attempt."""
    return _ROW.validate_python(dict(row))


_filters = {
    "who": (payments.c.account_id, sa.Uuid),
    "invoice": (payments.c.invoice_id, sa.Uuid),
    "state": (payments.c.status, sa.Text),
    "disputed": (payments.c.dispute, sa.Text),
}
_filter = [
    sa.or_(sa.bindparam(name, type_=t).is_(None), column == sa.bindparam(name, type_=t))
    for name, (column, t) in _filters.items()
]
_waiting = sa.bindparam("waiting", type_=sa.Boolean)
_filter.append(sa.or_(sa.not_(_waiting), payments.c.held > 0))
_PAGE = Statement(
    sa.select(payments)
    .where(*_filter)
    .order_by(payments.c.started_at.desc(), payments.c.payment_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(payments).where(*_filter))


async def payments_page(
    database: Database, which: Mapping[str, Any], *, per_page: int, skip: int
) -> tuple[list[PaymentRow], int]:
    """One page of attempts, newest first, and how many there are. `which` may name `who` (the
    account), `invoice`, `state`, `disputed` (how far a dispute is), `waiting` (something is held).
    """
    given = {**dict.fromkeys(_filters), "waiting": False, **which}
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, **given, per_page=per_page, skip=skip)
        found = await reader.fetch_one(_NUMBER, **given)
    assert found is not None
    return [payment_row(row) for row in rows], found[0]


async def payment_by_id(database: Database, id: UUID) -> PaymentRow | None:
    """The attempt."""
    row = await database.fetch_one(_BY_ID, id=id)
    return payment_row(row) if row else None


async def payments_of(database: Database, invoice_id: UUID) -> Sequence[PaymentRow]:
    """All attempts to pay the invoice, the newest first."""
    rows = await database.fetch(_OF_INVOICE, id=invoice_id)
    return [payment_row(row) for row in rows]


async def payment_named(database: Database, provider: str, reference: str) -> PaymentRow | None:
    """The attempt whose page, or whose payment, the provider calls so."""
    row = await database.fetch_one(_NAMED, provider=provider, text=reference)
    return payment_row(row) if row else None


async def open_payments_of(database: Database, provider: str) -> Sequence[PaymentRow]:
    """All attempts that have not ended, oldest first: for reconciliation."""
    rows = await database.fetch(_OPEN_ONES, provider=provider, states=list(OPEN))
    return [payment_row(row) for row in rows]
