"""`cartulary run`: the gateway, all services and their workers in one process."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import auth.declaration
import auth.main
import auth.worker
import billing.declaration
import billing.main
import billing.personal_data
import billing.worker
import cards.declaration
import cards.main
import cards.personal_data
import cards.worker
import uvicorn
import uvloop
from auth.settings import AuthSettings
from billing.providers import close_providers, providers_for
from billing.settings import BillingSettings
from cards.settings import CardsSettings
from common.broker import Broker
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres, embedded_postgres
from common.feed import Feeds
from common.garbage import settle
from common.in_process import InProcessBroker
from common.kernel import Kernel, KernelDeclaration, open_kernel_of
from common.observability import configure_logging
from common.paired_writes import PairingProtocol
from common.personal_data_export import PersonalDataHolders
from common.reporting import start_reporting
from common.serving import KEEP_ALIVE_SECONDS, GentleServer
from common.settings import ServiceSettings
from common.worker import Worker
from fastapi import FastAPI
from gateway.application import Edge, create_gateway
from gateway.forwarding import InProcessUpstream
from gateway.settings import GatewaySettings

from cartulary.layout import SERVICES, Layout
from cartulary.seed import SeedFailed, seed
from cartulary.stripe_counterpart import payments

HOLDERS = {"cards": cards.personal_data.held_about, "billing": billing.personal_data.held_about}
"""What tells all that a service holds about a person."""


class PortTaken(Exception):
    """Something else listens where the gateway should."""


@dataclass(frozen=True)
class System:
    """Everything that runs, before anybody can reach it."""

    gateway: Edge
    workers: list[Worker]
    payments: str


def run(layout: Layout) -> None:
    """Start everything, tell where it is, stop at Ctrl-C or SIGTERM. Raises `PortTaken`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    listener = _listen(layout)
    layout.var.mkdir(parents=True, exist_ok=True)
    with (
        layout.log.open("a", buffering=1) as log_file,
        embedded_postgres(layout.postgres) as server,
    ):
        configure_logging(level="info", json=True, file=log_file)
        settle()
        # uvicorn ends its work at a signal and then hands it on
        with (
            suppress(KeyboardInterrupt),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_serve(layout, server, listener))
    print("Stopped. Everything is kept in", layout.var)


async def _serve(layout: Layout, server: EmbeddedPostgres, listener: socket.socket) -> None:
    start_reporting("cartulary", GatewaySettings.load(**layout.secrets()))
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(_open(layout, server))
        config = uvicorn.Config(
            system.gateway,
            http=PairingProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nobody is believed to be a proxy but by the gateway's setting
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
        )
        web = GentleServer(config, system.gateway.drain, 0)
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(worker.run()) for worker in system.workers]
            work.append(group.create_task(_welcome(layout, web, system.payments)))
            try:
                await web.serve(sockets=[listener])
            finally:
                for task in work:
                    task.cancel()


def _shared(layout: Layout) -> dict[str, Any]:
    """The settings that all services have in common."""
    return {
        **layout.secrets(),
        "public_url": layout.url,
        "mail_folder": layout.mail,
        "storage_folder": layout.files,
        "backup_folder": layout.backups,
    }


@asynccontextmanager
async def _open(layout: Layout, server: EmbeddedPostgres) -> AsyncIterator[System]:
    async with AsyncExitStack() as stack:
        dsns = {name: await server.create_database(name) for name in SERVICES}
        common = _shared(layout)
        broker = InProcessBroker()
        auth_settings = AuthSettings.load(**common, database_url=dsns["auth"])
        cards_settings = CardsSettings.load(**common, database_url=dsns["cards"])
        provider = await stack.enter_async_context(payments(layout, common["internal_secret"]))
        billing_settings = BillingSettings.load(
            **common, **provider.settings, database_url=dsns["billing"]
        )
        offered = providers_for(billing_settings)
        stack.push_async_callback(close_providers, offered)
        kernels = {
            "auth": await _opened(stack, auth.declaration.DECLARATION, auth_settings),
            "cards": await _opened(stack, cards.declaration.DECLARATION, cards_settings),
            "billing": await _opened(stack, billing.declaration.DECLARATION, billing_settings),
        }
        secret: str = common["internal_secret"]
        feeds = Feeds(secret, {}, {name: kernel.feed for name, kernel in kernels.items()})
        workers = [
            auth.worker.create_worker(auth_settings, kernels["auth"], broker, feeds),
            cards.worker.create_worker(kernels["cards"], broker, feeds),
            billing.worker.create_worker(
                billing_settings, kernels["billing"], broker, feeds, offered
            ),
        ]
        for worker in workers:
            await worker.declare()  # before any relay starts: messages wait for who reads them
        apps = {
            "auth": auth.main.create_app(auth_settings, kernels["auth"], _holders(secret, kernels)),
            "cards": cards.main.create_app(cards_settings, kernels["cards"]),
            "billing": billing.main.create_app(billing_settings, kernels["billing"], offered),
        }
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        gateway = _gateway(GatewaySettings.load(**common), apps, broker)
        yield System(gateway, workers, provider.told)


def _holders(secret: str, kernels: Mapping[str, Kernel]) -> PersonalDataHolders:
    held = {name: partial(tell, kernels[name]) for name, tell in HOLDERS.items()}
    return PersonalDataHolders(secret, {}, held)


async def _opened(
    stack: AsyncExitStack, declaration: KernelDeclaration, settings: ServiceSettings
) -> Kernel:
    return await stack.enter_async_context(open_kernel_of(declaration, settings))


def _gateway(settings: GatewaySettings, apps: Mapping[str, FastAPI], broker: Broker) -> Edge:
    return create_gateway(
        settings=settings,
        upstreams={name: InProcessUpstream(app) for name, app in apps.items()},
        broker=broker,
        clock=SystemClock(),
    )


async def _welcome(layout: Layout, web: uvicorn.Server, payments: str) -> None:
    while not web.started and not web.should_exit:  # noqa: ASYNC110 (uvicorn offers no event)
        await asyncio.sleep(0.02)
    if web.should_exit:
        return
    try:
        demo = await seed(layout)
    except (SeedFailed, aiohttp.ClientError) as error:
        if not web.should_exit:
            print(f"Cartulary runs at {layout.url}, without its demo company: {error}")
        return
    print(
        f"""
  Cartulary runs at {layout.url}

    A card to look at    {layout.url}/view/{demo.card_id}
    API documentation    {layout.url}/docs
    Demo account         {demo.email}   password: {demo.password}
    What is recorded     make events     (cartulary events tail)
    Payments             {payments}
    Mails                {layout.mail}
    Log                  {layout.log}

  One process: gateway, auth, cards, billing and their workers; PostgreSQL in {layout.postgres}.
  Stop with Ctrl-C. Everything is there again at the next start.
""",
        flush=True,
    )


def _listen(layout: Layout) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", layout.port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"Port {layout.port} is taken. Stop what listens there, or choose another: "
            f"PORT={layout.port + 1} make run"
        ) from error
    listener.listen(1024)
    return listener
