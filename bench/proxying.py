"""The gateway under many clients, beside a plain proxy, and as two processes on one port."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

from common.testing.processes import free_port, process
from common.testing.rabbitmq import rabbitmq

from bench.gateway import identified
from bench.load import CONNECTIONS, Request, answers_a_second, tool, waits
from bench.measurement import Measurement, Reference
from bench.rounds import Run, Side, in_turn
from bench.targets import line
from bench.whole_system import Person, WholeSystem, answers, whole_system

CLIENTS = 200
LIST = "/api/v1/cards/"
KEYS = "/.well-known/jwks.json"


async def measure(run: Run) -> list[Measurement]:
    """All lines about the gateway as a proxy."""
    async with whole_system(run.postgres) as system:
        person = await system.person()
        lines = [await _waits(run, system, person)]
        if shutil.which("nginx"):
            lines.append(await _beside_nginx(run, system, person))
        lines.append(await _two_on_one_port(run, system))
        return lines


async def _waits(run: Run, system: WholeSystem, person: Person) -> Measurement:
    async def ours(seconds: float) -> float:
        headers = await system.signed_in(person.email)
        request = Request(f"{system.urls['gateway']}{LIST}", headers=headers)
        found = await waits(request, CLIENTS, seconds)
        return found.p99 / found.p50

    figures = await in_turn(run, Side(ours))
    conditions = run.told(f"{CLIENTS} connections, {tool()}; a list of one card, not cached")
    name = "wait of 200 clients, p99 by p50"
    return line("proxying", name, figures["ours"], None, unit="", conditions=conditions)


async def _beside_nginx(run: Run, system: WholeSystem, person: Person) -> Measurement:
    with _nginx(system.urls["cards"]) as url:
        await answers(url)

        async def plain(seconds: float) -> float:
            request = Request(f"{url}{LIST}", headers=identified(person))
            return await answers_a_second(request, seconds)

        async def ours(seconds: float) -> float:
            headers = await system.signed_in(person.email)
            request = Request(f"{system.urls['gateway']}{LIST}", headers=headers)
            return await answers_a_second(request, seconds)

        figures = await in_turn(run, Side(ours), nginx=Side(plain))
    reference = Reference("nginx, one worker, no token looked at", figures["nginx"])
    conditions = run.told(f"{CONNECTIONS} connections, {tool()}; a list of one card, not cached")
    name = "pass-through, beside nginx"
    return line("proxying", name, figures["ours"], reference, unit="/s", conditions=conditions)


async def _two_on_one_port(run: Run, system: WholeSystem) -> Measurement:
    async with _gateways(system, 1) as one, _gateways(system, 2) as two:
        figures = await in_turn(run, _cached(two), one=_cached(one))
    reference = Reference("one process", figures["one"])
    conditions = run.told(
        f"{CONNECTIONS} connections, {tool()}; a cached answer; load generator on the same cores"
    )
    name = "two gateway processes on one port"
    return line("proxying", name, figures["ours"], reference, unit="/s", conditions=conditions)


def _cached(url: str) -> Side:
    async def work(seconds: float) -> float:
        return await answers_a_second(Request(url + KEYS), seconds)

    return Side(work)


@asynccontextmanager
async def _gateways(system: WholeSystem, number: int) -> AsyncIterator[str]:
    """So many more of them, which share a port."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with rabbitmq() as amqp_url, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "AMQP_URL": amqp_url,
            "LOG_LEVEL": "warning",
            "AUTH_URL": system.urls["auth"],
            "CARDS_URL": system.urls["cards"],
            "PORT": str(port),
            "REUSE_PORT": "true",
        }
        for n in range(number):
            operations = free_port()
            own = {**environment, "OPERATIONS_PORT": str(operations)}
            stack.enter_context(process(["-m", "gateway.main"], own, folder / f"{n}.txt"))
            await answers(f"http://127.0.0.1:{operations}/metrics")
        await answers(url + KEYS)
        yield url


@contextmanager
def _nginx(upstream: str) -> Iterator[str]:
    """A proxy that passes on what comes, over kept-alive connections."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "nginx.conf"
        settings.write_text(_SETTINGS % (folder, upstream.removeprefix("http://"), port))
        command = ["nginx", "-p", folder, "-c", str(settings), "-e", f"{folder}/error.log"]
        server = Popen([*command, "-g", "daemon off;"], stdout=DEVNULL, stderr=DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


_SETTINGS = """
worker_processes 1;
pid %s/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    upstream service { server %s; keepalive 64; }
    server {
        listen 127.0.0.1:%d;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / { proxy_pass http://service; }
    }
}
"""
