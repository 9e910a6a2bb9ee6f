"""The composed system: built from this tree, with a project, ports and secrets of its own.

`make test-compose` runs this; it needs a Docker engine and the public images (or stand-ins).
"""

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from common.testing.processes import free_port
from common.testing.prometheus import Prometheus
from common.testing.waiting import eventually

ROOT = Path(__file__).parents[2]
ANN = {"email": "ann@example.org", "password": "a long enough secret"}
OVERRIDE = """
services:
  auth: &mail
    volumes: ["{mail}:/var/lib/cartulary/mail"]
  auth-worker: *mail
  prometheus:
    ports: ["127.0.0.1:{prometheus}:9090"]
"""


@dataclass(frozen=True)
class Composed:
    """The running project. `mail` is a folder of this machine that auth's containers write to."""

    command: tuple[str, ...]
    url: str
    mail: Path
    prometheus: Prometheus

    def compose(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One command to the project; whatever it says, and its exit code."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )

    def succeeds(self, *arguments: str, **environment: str) -> str:
        """The same; what it wrote. Raises `AssertionError` with its words when it fails."""
        done = self.compose(*arguments, **environment)
        assert done.returncode == 0, (arguments, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return self.succeeds("ps", "-q", service).strip()

    def inspect(self, service: str, template: str) -> str:
        """What the engine knows of it, as a Go template says."""
        command = ["docker", "inspect", "--format", template, self.container(service)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write_environment(file: Path, address: str) -> None:
    """As `make env` makes it, with ports and a tag of its own, and mails that end in a folder."""
    twin = f"127.0.0.1:{free_port()}"
    own = {
        "PUBLIC_URL": f"http://{address}",
        "GATEWAY_ADDRESS": address,
        "STRIPE_TWIN_ADDRESS": twin,
        "STRIPE_TWIN_URL": f"http://{twin}",
        "COMPOSE_PROFILES": "stripe-twin",
        "MAIL_FOLDER": "/var/lib/cartulary/mail",
        "PARTITIONS": "2",
        "RATE_LIMIT_SCALE": "0",
        "TAG": "test",
    }
    make_env = [sys.executable, str(ROOT / "deploy/make_env.py"), str(file)]
    subprocess.run(make_env, check=True, capture_output=True)
    made = dict(line.split("=", 1) for line in file.read_text().splitlines())
    del made["SMTP_URL"]
    file.write_text("".join(f"{name}={value}\n" for name, value in (made | own).items()))


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Built and started once; removed with its data at the end."""
    folder = tmp_path_factory.mktemp("composed")
    mail = folder / "mail"
    mail.mkdir()
    mail.chmod(0o777)  # the containers' user is none of this machine
    address, environment = f"127.0.0.1:{free_port()}", folder / "env"
    prometheus = free_port()
    write_environment(environment, address)
    override = folder / "override.yml"
    override.write_text(OVERRIDE.format(mail=mail, prometheus=prometheus))
    files = ("-f", str(ROOT / "docker-compose.yml"), "-f", str(override))
    name = ("--project-name", f"cartulary-test-{os.getpid()}", "--project-directory", str(ROOT))
    compose = shlex.split(os.environ["COMPOSE"])
    system = Composed(
        (*compose, *files, *name, "--env-file", str(environment)),
        f"http://{address}",
        mail,
        Prometheus(f"http://127.0.0.1:{prometheus}"),
    )
    try:
        system.succeeds("build")
        system.succeeds("up", "--detach")
        yield system
    finally:
        system.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


@dataclass
class Visited:
    """What the journeys of tests/end_to_end ask of a system."""

    url: str
    mail: Path
    session: aiohttp.ClientSession

    async def ready(self) -> bool:
        """Whether the gateway and everything behind it is ready."""
        try:
            async with self.session.get("/health") as response:
                return response.status == 200 and (await response.json())["status"] == "ok"
        except aiohttp.ClientConnectionError:
            return False  # the engine opens a published port before its container does


@pytest.fixture
async def system(composed: Composed) -> AsyncIterator[Visited]:
    """The same system for every journey, from which each takes its people away again."""
    async with aiohttp.ClientSession(composed.url) as session:
        visited = Visited(composed.url, composed.mail, session)
        await eventually(visited.ready, within=180, what="the composed system")
        await eventually(lambda: workers_are_ready(composed), within=180, what="its workers")
        yield visited
        await forget_ann(session)


@pytest.fixture
def embedded(system: Visited) -> Visited:
    """Journeys that need nothing of one process but its address."""
    return system


async def workers_are_ready(composed: Composed) -> bool:
    """As their own health checks say."""
    template = "{{.State.Health.Status}}"
    states = [
        await asyncio.to_thread(composed.inspect, worker, template)
        for worker in ("auth-worker", "billing-worker", "cards-worker")
    ]
    return set(states) == {"healthy"}


async def forget_ann(session: aiohttp.ClientSession) -> None:
    """Most journeys are hers. Where she is not she comes first: logging in would fail, and auth
    counts that against the journey that follows within the minute."""
    async with session.post("/api/v1/auth/register", json=ANN) as response:
        told, is_there = await response.json(), response.status == 409
    if is_there:
        async with session.post("/api/v1/auth/login", json=ANN) as response:
            told = await response.json()
    ann = {"Authorization": f"Bearer {told['access_token']}"}
    async with session.delete("/api/v1/auth/me", json=ANN, headers=ann) as response:
        assert response.status == 204
