"""Gateway processes beside those of the whole system: several on one port, or on a port each."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from common.testing.processes import Process, free_port, process

from bench.whole_system import answers


@asynccontextmanager
async def gateways(
    ports: Sequence[int], services: Mapping[str, str], amqp_url: str, **settings: str
) -> AsyncIterator[Sequence[Process]]:
    """One for each port, which may come twice; `services` are their addresses by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = {
            "AMQP_URL": amqp_url,
            "LOG_LEVEL": "warning",
            "REUSE_PORT": "true",
            **{f"{name.upper()}_URL": url for name, url in services.items()},
            **settings,
        }
        processes = []
        for n, port in enumerate(ports):
            operations = free_port()
            own = {**shared, "PORT": str(port), "OPERATIONS_PORT": str(operations)}
            started = process(["-m", "gateway.main"], own, folder / f"{n}.txt")
            processes.append(stack.enter_context(started))
            # the port alone would not tell which of those who share it answers
            await answers(f"http://127.0.0.1:{operations}/metrics")
        for port in ports:
            await answers(f"http://127.0.0.1:{port}/livez")
        yield processes
