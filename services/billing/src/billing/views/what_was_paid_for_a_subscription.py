"""What was paid for a subscription, and what was tried: every attempt at each of its invoices."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.statements import Statement

from billing.invoices.read_model import invoices
from billing.payments.read_model import PaymentRow, payment_row, payments

MOST = 100
_ATTEMPTS = Statement(
    sa.select(payments)
    .join(invoices, invoices.c.invoice_id == payments.c.invoice_id)
    .where(invoices.c.subscription_id == sa.bindparam("id", type_=sa.Uuid))
    .order_by(payments.c.started_at.desc(), payments.c.payment_id.desc())
    .limit(sa.literal(MOST))
)


async def attempts_for(database: Database, subscription_id: UUID) -> Sequence[PaymentRow]:
    """The last hundred of them, newest first."""
    return [payment_row(row) for row in await database.fetch(_ATTEMPTS, id=subscription_id)]
