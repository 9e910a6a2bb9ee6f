"""Whose turn it is at the provider: one open payment for each invoice, and what must be asked when.

Rows are written with the payment's events. They decide what may be written and done, so no rebuild
touches them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.problems import Conflict
from common.read_models import Projection, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

from billing.payments.events import (
    AttemptEvent,
    PaymentPageOpened,
    PaymentPending,
    PaymentStarted,
    PaymentUnknown,
)

LEASE = timedelta(minutes=2)
"""How long who asks the provider has for it; then another asks the same under the same key."""
AFTER_EXPIRY = timedelta(minutes=1)
UNOPENED = timedelta(minutes=5)
"""A page that was asked for and never noted is asked for again, under the same key."""


class PaymentUnderWay(Conflict):
    """Another payment of this invoice has not ended."""

    code = "payment_under_way"
    detail = "A payment of this invoice is under way."


ONE_OPEN_EACH = "open_payments_one_each"

_open = sa.table(
    "open_payments", sa.column("invoice_id", sa.Uuid), sa.column("payment_id", sa.Uuid)
)
_calls = sa.table(
    "payment_calls",
    sa.column("payment_id", sa.Uuid),
    sa.column("due", sa.DateTime(timezone=True)),
    sa.column("leased_until", sa.DateTime(timezone=True)),
)
_payment = sa.bindparam("payment", type_=sa.Uuid)
_ENTER = Statement(
    insert(_open).values(invoice_id=sa.bindparam("invoice", type_=sa.Uuid), payment_id=_payment)
)
_LEAVE = Statement(sa.delete(_open).where(_open.c.payment_id == _payment))
_due = insert(_calls).values(
    payment_id=_payment, due=sa.bindparam("due", type_=sa.DateTime(timezone=True))
)
_ASK = Statement(
    _due.on_conflict_do_update(
        index_elements=["payment_id"], set_={"due": _due.excluded.due, "leased_until": sa.null()}
    )
)
_DONE = Statement(sa.delete(_calls).where(_calls.c.payment_id == _payment))
_OPEN_OF = Statement(
    sa.select(_open.c.payment_id).where(
        _open.c.invoice_id == sa.bindparam("invoice", type_=sa.Uuid)
    )
)


def _follow(event: AttemptEvent, _: Stamp) -> list[Write]:
    id = event.payment_id
    match event:
        case PaymentStarted():
            values = {"invoice": event.invoice_id, "payment": id}
            enter = Write(_ENTER, values, ("open", event.invoice_id))
            if event.means in ("transfer", "manual"):
                return [enter]
            wait = UNOPENED if event.means == "page" else timedelta(0)
            return [enter, _ask(id, event.started_at + wait)]
        case PaymentPageOpened():
            return [_ask(id, event.expires_at + AFTER_EXPIRY)]
        case PaymentPending() | PaymentUnknown():
            return [_ask(id, event.ask_at)]
        case _:
            left = Write(_LEAVE, {"payment": id}, ("open", event.invoice_id))
            return [left, Write(_DONE, {"payment": id}, ("call", id))]


def _ask(id: UUID, due: datetime) -> Write:
    return Write(_ASK, {"payment": id, "due": due}, ("call", id))


PAYMENT_QUEUE = Projection(AttemptEvent, _follow, {ONE_OPEN_EACH: PaymentUnderWay})


async def claim(database: Database, now: datetime, most: int) -> Sequence[UUID]:
    """Up to `most` payments that the provider must be asked about, for `LEASE` ours alone."""
    async with database.reader() as writer:
        rows = await writer.connection.fetch(_CLAIM, now, most, LEASE)
    return [row["payment_id"] for row in rows]


async def open_payment(database: Database, invoice_id: UUID) -> UUID | None:
    """The payment of the invoice that has not ended."""
    row = await database.fetch_one(_OPEN_OF, invoice=invoice_id)
    return row["payment_id"] if row else None


_CLAIM = """
    update payment_calls set leased_until = clock_timestamp() + $3::interval
     where payment_id in (
           select payment_id from payment_calls
            where due <= $1 and (leased_until is null or leased_until < clock_timestamp())
            order by due limit $2 for update skip locked)
    returning payment_id"""
