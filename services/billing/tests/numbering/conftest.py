"""What the tests of numbers share: billing on a fresh database, and subscriptions that fall due."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from billing.customers.commands import SavePaymentMethod
from billing.customers.decider import CUSTOMER
from billing.customers.events import MethodFace
from billing.declaration import DECLARATION
from billing.subscriptions.commands import ActivateSubscription, CreateSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import PAID, TERMS
from billing.units import own_cause, unit
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.testing.kernel import kernel_on
from common.unit_of_work import UnitOfWork

FallDue = Callable[[str, Sequence[str]], Awaitable[list[UUID]]]


@pytest.fixture
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """Billing on a fresh database."""
    async with kernel_on(postgres, DECLARATION) as kernel:
        yield kernel


@pytest.fixture
def fall_due(kernel: Kernel) -> FallDue:
    """Subscriptions whose first period has just ended, each of somebody else: of which provider,
    and with which saved methods; their ids."""

    async def due(provider: str, methods: Sequence[str]) -> list[UUID]:
        now = SystemClock().now()
        begun = now - timedelta(days=31)

        async def work(streams: UnitOfWork) -> list[UUID]:
            ids = []
            for reference in methods:
                account, id, invoice = uuid4(), uuid4(), uuid4()
                face = MethodFace(reference, "cus")
                save = SavePaymentMethod(account, uuid4(), provider, face, begun)
                terms = replace(TERMS, single_in=(uuid4(),))
                create = CreateSubscription(
                    id, account, terms, provider, False, False, invoice, now + timedelta(1), begun
                )
                activate = ActivateSubscription(invoice, PAID, begun)
                await streams.handle(CUSTOMER, account, save, own_cause(begun))
                await streams.handle(SUBSCRIPTION, id, create, own_cause(begun))
                await streams.handle(SUBSCRIPTION, id, activate, own_cause(begun))
                ids.append(id)
            return ids

        return await unit(kernel.commands, work)

    return due
