"""When a customer was erased here, whoever moved their money deletes them as well.

Their saved ways to pay go with them there. What the law keeps of their payments, both keep.
"""

from uuid import UUID

import structlog
from common.event_store import Recorded
from common.processors import Processor, Refused

from billing.customers.events import CustomerErased
from billing.desk import Desk
from billing.farewells import forget, remembered
from billing.payment_provider import ProviderRefused

log = structlog.get_logger(__name__)


def delete_an_erased_customer_at_their_providers(desk: Desk) -> Processor:
    """The processor of this rule: a provider that does not answer is asked again, one that refuses
    stays noted."""

    async def act(record: Recorded, key: UUID) -> None:
        event: CustomerErased = record.event
        id, database, keys = event.account_id, desk.kernel.database, desk.kernel.store.keys
        for name, reference in (await remembered(database, keys, id)).items():
            await _delete(desk, name, reference, key)
            await forget(database, id, name)

    return Processor("delete_an_erased_customer_at_their_providers", CustomerErased, act)


async def _delete(desk: Desk, name: str, reference: str, key: UUID) -> None:
    provider = desk.providers.get(name)
    if provider is None:
        log.error("provider_is_not_configured", provider=name)
        raise Refused(f"{name} is not configured")
    try:
        await provider.forget_customer(reference, key=f"forget:{key}")
    except ProviderRefused as refused:
        raise Refused(refused.code) from refused
