"""The gateway under many clients, beside a plain proxy, and as two processes on one port."""

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen

from common.testing.processes import free_port
from common.testing.rabbitmq import rabbitmq

from bench.cpu import cpu_seconds_of
from bench.gateway import identified
from bench.gateways import gateways
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
        return [*lines, *await _two_on_one_port(run, system, person)]


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


async def _two_on_one_port(run: Run, system: WholeSystem, person: Person) -> list[Measurement]:
    async with _on_one_port(system, 1) as one, _on_one_port(system, 2) as two:
        cached = await _compared(run, "cached", two.reading(KEYS), one.reading(KEYS))
        path, headers = LIST, await system.signed_in(person.email)
        passed = two.reading(path, headers), one.reading(path, headers)
        return [*cached, *await _compared(run, "passed through", *passed)]


async def _compared(
    run: Run, kind: str, two: "_Reading", one: "_Reading"
) -> tuple[Measurement, Measurement]:
    """By the clock, which counts whoever has the cores, and by the gateways' own CPU time."""
    figures = await in_turn(run, Side(two.work), one=Side(one.work))
    conditions = run.told(
        f"{CONNECTIONS} connections, {tool()}; the load and the services run on the same "
        f"{os.cpu_count()} cores, and {os.getloadavg()[0]:.1f} was the load of the machine after it"
    )
    name, together = f"two gateways on one port, {kind}", Reference("one process", figures["one"])
    alone = Reference("one process", one.answers_a_cpu_second)
    by_cpu = f"{name}, answers a CPU second"
    return (
        line("proxying", name, figures["ours"], together, unit="/s", conditions=conditions),
        line("proxying", by_cpu, two.answers_a_cpu_second, alone, unit="", conditions=conditions),
    )


@dataclass
class _Reading:
    """Reads of one address, and what they cost the gateways that answer them."""

    request: Request
    pids: Sequence[int]
    answers: float = 0
    cpu_seconds: float = 0

    async def work(self, seconds: float) -> float:
        """Answers a second."""
        used, began = cpu_seconds_of(self.pids), time.perf_counter()
        rate = await answers_a_second(self.request, seconds)
        self.answers += rate * (time.perf_counter() - began)
        self.cpu_seconds += cpu_seconds_of(self.pids) - used
        return rate

    @property
    def answers_a_cpu_second(self) -> float:
        """Over all rounds."""
        return self.answers / self.cpu_seconds


@dataclass(frozen=True)
class _OnOnePort:
    url: str
    pids: Sequence[int]

    def reading(self, path: str, headers: Mapping[str, str] | None = None) -> _Reading:
        """Of a path."""
        return _Reading(Request(self.url + path, headers=headers or {}), self.pids)


@asynccontextmanager
async def _on_one_port(system: WholeSystem, number: int) -> AsyncIterator[_OnOnePort]:
    """So many more of them."""
    port = free_port()
    services = {name: system.urls[name] for name in ("auth", "cards", "billing")}
    with rabbitmq() as amqp_url:
        async with gateways([port] * number, services, amqp_url) as processes:
            url = f"http://127.0.0.1:{port}"
            await answers(url + KEYS)
            yield _OnOnePort(url, [started.child.pid for started in processes])


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
