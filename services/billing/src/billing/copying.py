"""An invoice that says the same as another: with a number, a date and parties of its own."""

from dataclasses import replace
from uuid import UUID

from common.event_store import Cause
from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.invoice_states import InvoiceNotIssued
from billing.invoices.commands import DraftInvoice
from billing.invoices.read_model import InvoiceRow
from billing.invoicing import issue, line_id
from billing.units import own_cause, unit


async def copy_invoice(desk: Desk, row: InvoiceRow, id: UUID, cause: Cause) -> None:
    """Issue the copy; a repeat finds it there. It stands for itself: what the lines of the first
    one set going is theirs alone. Raises `InvoiceNotIssued`."""
    if row.number is None:
        raise InvoiceNotIssued
    lines = tuple(
        replace(line, line_id=line_id(id, n), activation=None) for n, line in enumerate(row.lines)
    )
    draft = DraftInvoice(id, row.account_id, "copy", None, row.provider, lines, cause.now)

    async def work(streams: UnitOfWork) -> None:
        await issue(streams, desk, draft, own_cause(cause.now, actor=cause.actor))

    await unit(desk.kernel.commands, work)
