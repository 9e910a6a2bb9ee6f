"""When a saved way to pay is removed here, its provider lets go of it as well."""

from uuid import UUID

from common.event_store import Recorded
from common.kernel import Kernel
from common.processors import Processor, Refused

from billing.customers.decider import CUSTOMER
from billing.customers.events import PaymentMethodRemoved, PaymentMethodSaved
from billing.desk import Desk
from billing.payment_provider import ProviderRefused


def detach_a_removed_payment_method(desk: Desk) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: PaymentMethodRemoved = record.event
        saved = await _as_saved(desk.kernel, event)
        provider = desk.providers.get(saved.provider) if saved else None
        if saved is None or provider is None or not saved.face.reference:
            return  # erased since: then the customer is deleted there, and this with them
        try:
            await provider.forget_method(saved.face.reference, key=f"detach:{key}")
        except ProviderRefused as refused:
            raise Refused(refused.code) from refused

    return Processor("detach_a_removed_payment_method", PaymentMethodRemoved, act)


async def _as_saved(kernel: Kernel, event: PaymentMethodRemoved) -> PaymentMethodSaved | None:
    """What the log says of it; the tables have forgotten it."""
    async with kernel.database.reader() as reader:
        stream = await kernel.store.load(reader, CUSTOMER.stream(event.account_id))
    found = (
        e
        for e in reversed(stream.events)
        if isinstance(e, PaymentMethodSaved) and e.method_id == event.method_id
    )
    return next(found, None)
