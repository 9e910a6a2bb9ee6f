"""A way to pay that was just saved begins the trials that wait for it, and pays what is due."""

from uuid import UUID

from common.clock import Clock
from common.event_store import Recorded
from common.processors import Processor

from billing.customers.events import PaymentMethodSaved
from billing.desk import Desk
from billing.exclusivity import TrialUsed
from billing.invoice_states import Open
from billing.invoices.decider import INVOICE
from billing.paying import start
from billing.payment_queue import PaymentUnderWay, open_payment
from billing.subscriptions.commands import EndSubscription, StartTrial
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import SubscriptionRow, subscriptions_in
from billing.units import own_cause

OWING = ("past_due", "unpaid")


def use_a_new_payment_method_at_once(desk: Desk, clock: Clock) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: PaymentMethodSaved = record.event
        await use_method(desk, event, clock)

    return Processor("use_a_new_payment_method_at_once", PaymentMethodSaved, act)


async def use_method(desk: Desk, event: PaymentMethodSaved, clock: Clock) -> None:
    """Begin and pay what waits; doing it again changes nothing."""
    database = desk.kernel.database
    for row in await subscriptions_in(database, event.account_id, ("pending", *OWING)):
        if row.provider != event.provider:
            continue
        if row.status == "pending":
            await _begin(desk, row, clock)
        elif row.due_invoice_id is not None:
            await _pay(desk, row.due_invoice_id, event.method_id, clock)


async def _begin(desk: Desk, row: SubscriptionRow, clock: Clock) -> None:
    now, commands, id = clock.now(), desk.kernel.commands, row.subscription_id
    try:
        await commands.handle(SUBSCRIPTION, id, StartTrial(now), own_cause(now))
    except TrialUsed:  # two orders of one family, secured together: the second one has no right
        await commands.handle(SUBSCRIPTION, id, EndSubscription("expired", now), own_cause(now))


async def _pay(desk: Desk, invoice_id: UUID, method_id: UUID, clock: Clock) -> None:
    now = clock.now()
    if await open_payment(desk.kernel.database, invoice_id) is not None:
        return
    async with desk.kernel.database.reader() as reader:
        _, invoice = await desk.kernel.commands.state(reader, INVOICE, invoice_id)
    if not isinstance(invoice, Open):
        return
    content = invoice.content
    asked = (invoice_id, content.account_id, content.total)
    try:
        await start(desk, asked, (content.provider, "saved_method", method_id), now)
    except PaymentUnderWay:
        return  # another way was opened at this moment, and is as good
