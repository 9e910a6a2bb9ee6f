"""The gateway's process: everything it needs is made here."""

import asyncio
import socket
from contextlib import AsyncExitStack
from functools import partial

import uvicorn
from common.clock import SystemClock
from common.garbage import settle
from common.observability import configure_logging
from common.paired_writes import PairingProtocol
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_connections import knock
from common.reporting import start_reporting
from common.serving import GRACE_SECONDS, KEEP_ALIVE_SECONDS, GentleServer, served_beside
from common.settings import StartRefused

from gateway import certificate
from gateway.answers import Application
from gateway.application import Edge, create_gateway
from gateway.http_forwarding import HttpUpstream
from gateway.lifespan import running
from gateway.operations import create_operations_app
from gateway.settings import GatewaySettings


def main() -> None:
    """`python -m gateway.main`. Raises `StartRefused`."""
    settings = GatewaySettings.load()
    if settings.amqp_url is None:
        raise StartRefused("cannot start: AMQP_URL: is missing, so no purge would be heard")
    configure_logging(level=settings.log_level)
    start_reporting("gateway", settings)
    broker = RabbitMQBroker(settings.amqp_url, partitions=settings.partitions)
    connections = settings.upstream_connections
    upstreams = {
        "auth": HttpUpstream(settings.auth_url, connections=connections),
        "cards": HttpUpstream(settings.cards_url, connections=connections),
        "billing": HttpUpstream(settings.billing_url, connections=connections),
    }
    app = create_gateway(settings=settings, upstreams=upstreams, broker=broker, clock=SystemClock())
    front = _config(app, settings.host, settings.port)
    settle()
    with asyncio.Runner(loop_factory=front.get_loop_factory()) as runner:
        runner.run(knock(settings.amqp_url))
        runner.run(_serve(front, app, settings))


async def _serve(front: uvicorn.Config, app: Edge, settings: GatewaySettings) -> None:
    async with AsyncExitStack() as stack:
        if settings.operations_port:
            beside = served_beside(create_operations_app(), settings.host, settings.operations_port)
            await stack.enter_async_context(beside)
            look = partial(certificate.watch, settings.public_url)
            await stack.enter_async_context(running("gateway_certificate", look))
        server = GentleServer(front, app.drain, settings.drain_seconds)
        await server.serve(sockets=_shared(settings))


def _shared(settings: GatewaySettings) -> list[socket.socket] | None:
    """A socket of the port beside those of other gateways, if there are to be several."""
    if not settings.reuse_port:
        return None
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.host, settings.port))
    return [listener]


def _config(app: Application, host: str, port: int) -> uvicorn.Config:
    """As services are served; and nobody outside is believed to be a proxy."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="on",
        http=PairingProtocol,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
