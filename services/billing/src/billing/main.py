"""Billing's API process: everything it needs is made here."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from common.kernel import Kernel
from common.kernel_service import create_kernel_service
from common.observability import configure_logging, supervise
from common.service import run_service
from fastapi import APIRouter, FastAPI

from billing import (
    admin_invoice_routes,
    admin_subscription_routes,
    catalogue_routes,
    category_routes,
    checkout_routes,
    entitlement_routes,
    granting_routes,
    invoice_routes,
    payment_method_routes,
    payment_routes,
    plan_change_routes,
    plan_copy_routes,
    plan_list_routes,
    plan_routes,
    refund_routes,
    sandbox_routes,
    sorting_routes,
    status_routes,
    stripe_routes,
    subscription_routes,
)
from billing.declaration import DECLARATION
from billing.payment_provider import PaymentProvider
from billing.personal_data import held_about
from billing.providers import close_providers, providers_for
from billing.resources import Billing
from billing.sandbox_clock import SandboxClock
from billing.settings import BillingSettings

ROUTERS: tuple[APIRouter, ...] = (
    catalogue_routes.router,
    entitlement_routes.router,
    payment_method_routes.router,
    plan_copy_routes.router,
    plan_list_routes.router,
    plan_routes.router,
    category_routes.router,
    sorting_routes.router,
    checkout_routes.router,
    subscription_routes.router,
    plan_change_routes.router,
    invoice_routes.router,
    status_routes.router,
    admin_subscription_routes.router,
    granting_routes.router,
    admin_invoice_routes.router,
    payment_routes.router,
    refund_routes.router,
    sandbox_routes.router,
    stripe_routes.router,
)


def create_app(
    settings: BillingSettings | None = None,
    kernel: Kernel | None = None,
    providers: Mapping[str, PaymentProvider] | None = None,
) -> FastAPI:
    """The application. `providers` stand for those that the settings name."""
    settings = settings or BillingSettings.load()
    clock = SandboxClock()

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        own = {} if providers is not None else providers_for(settings)
        offered = own if providers is None else providers
        app.state.billing = Billing(opened, settings, offered, clock)
        try:
            async with _moving(clock, opened, settings):
                yield
        finally:
            await close_providers(own)

    app = create_kernel_service(
        DECLARATION,
        settings=settings,
        routers=ROUTERS,
        resources=resources,
        kernel=kernel,
        personal_data=held_about,
    )
    app.state.business_clock = clock
    return app


@asynccontextmanager
async def _moving(
    clock: SandboxClock, kernel: Kernel, settings: BillingSettings
) -> AsyncIterator[None]:
    """The sandbox's clock goes as other processes move it; without a sandbox nobody does."""
    if not settings.sandbox:
        yield
        return
    await clock.read(kernel.database)
    task = asyncio.create_task(supervise("billing clock", lambda: clock.keep_read(kernel.database)))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    """`python -m billing.main`."""
    settings = BillingSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
