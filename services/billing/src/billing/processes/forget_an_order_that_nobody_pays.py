"""An order that was neither paid nor secured in time is forgotten, and its invoice void."""

from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due

from billing.invoice_states import Open
from billing.invoices.commands import VoidInvoice
from billing.invoices.decider import INVOICE
from billing.payment_provider import NotAttempted
from billing.payments.commands import RecordOutcome
from billing.payments.decider import PAYMENT, UnderWay
from billing.subscription_rules.states import Pending
from billing.subscriptions.commands import EndSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause


async def forget_an_order_that_nobody_pays(
    due: Due, transaction: Transaction, commands: Commands, now: datetime
) -> None:
    """End it. While a payment is under way it waits: what becomes of that ends it, or begins it."""
    id = UUID(due.stream.removeprefix("subscription-"))
    _, state = await commands.state(transaction, SUBSCRIPTION, id)
    if not isinstance(state, Pending):
        return
    if state.invoice_id is not None:
        if await _is_being_paid(transaction, commands, state.invoice_id, now):
            return
        _, invoice = await commands.state(transaction, INVOICE, state.invoice_id)
        if isinstance(invoice, Open):
            void = VoidInvoice("expired", now)
            cause = own_cause(now, because=due.id)
            await commands.handle_in(transaction, INVOICE, state.invoice_id, void, cause)
    command = EndSubscription("expired", now)
    await commands.handle_in(transaction, SUBSCRIPTION, id, command, due.cause(now))


async def _is_being_paid(
    transaction: Transaction, commands: Commands, invoice_id: UUID, now: datetime
) -> bool:
    payment_id = await transaction.connection.fetchval(_OPEN, invoice_id)
    if payment_id is None:
        return False
    _, payment = await commands.state(transaction, PAYMENT, payment_id)
    if not isinstance(payment, UnderWay) or payment.of.means != "transfer":
        return True
    outcome = RecordOutcome(NotAttempted(None, "not_transferred"), None, now)
    cause = own_cause(now, because=invoice_id)
    await commands.handle_in(transaction, PAYMENT, payment_id, outcome, cause)
    return False


_OPEN = "select payment_id from open_payments where invoice_id = $1"
