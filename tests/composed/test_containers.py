"""What the images and the composition promise, asked of the running containers."""

import subprocess
from typing import Any

import pytest
from common.testing.waiting import eventually

PROCESSES = (
    "gateway",
    *(f"{service}{half}" for service in ("auth", "billing", "cards") for half in ("", "-worker")),
)
NEIGHBOURS = {"gateway": ("auth", "cards", "argon2"), "auth": ("cards", "gateway", "segno")}


def inside(composed: Any, service: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a service's container."""
    return subprocess.run(
        ["docker", "exec", composed.container(service), *command], capture_output=True, text=True
    )


def exit_code(container: str) -> int:
    """Of a container that has ended."""
    command = ["docker", "inspect", "--format", "{{.State.ExitCode}}", container]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("service", sorted(NEIGHBOURS))
async def test_an_image_has_one_service_and_what_that_needs(
    system: Any, composed: Any, service: str
) -> None:
    assert inside(composed, service, "python", "-c", f"import {service}").returncode == 0
    for absent in (*NEIGHBOURS[service], "pytest", "pip"):
        found = inside(composed, service, "python", "-c", f"import {absent}")
        assert "ModuleNotFoundError" in found.stderr, absent


@pytest.mark.parametrize("service", [*PROCESSES, "stripe-twin"])
async def test_a_process_runs_as_nobody_special_on_a_root_that_it_cannot_write(
    system: Any, composed: Any, service: str
) -> None:
    assert inside(composed, service, "id", "-u").stdout.strip() == "10001"
    assert inside(composed, service, "touch", "/app/x").returncode != 0
    assert composed.inspect(service, "{{.HostConfig.ReadonlyRootfs}}") == "true"
    assert composed.inspect(service, "{{.HostConfig.CapDrop}}") == "[ALL]"


async def test_of_what_serves_only_the_gateway_is_published(system: Any, composed: Any) -> None:
    for service in (*PROCESSES[1:], "auth-db", "billing-db", "cards-db", "rabbitmq"):
        assert composed.inspect(service, "{{json .HostConfig.PortBindings}}") in ("{}", "null")


async def test_prometheus_reaches_every_process_and_has_the_alerts(
    system: Any, composed: Any
) -> None:
    async def all_up() -> bool:
        up = await composed.prometheus.query("up == 1")
        return {*PROCESSES, "rabbitmq", "prometheus"} == {s["metric"]["job"] for s in up}

    await eventually(all_up, within=120, what="all targets")
    assert not await composed.prometheus.query('ALERTS{alertstate="firing"}')


async def test_the_operators_tool_runs_in_an_image_of_its_own(system: Any, composed: Any) -> None:
    composed.succeeds("build", "tools")
    said = composed.succeeds("run", "--rm", "tools", "events", "verify")
    assert "auth: whole" in said
    assert "cards: whole" in said


async def test_a_default_secret_is_refused_and_named(system: Any, composed: Any) -> None:
    development = "ZGV2ZWxvcG1lbnQtb25seS1rZXktMzItYnl0ZXMtLS0="
    refused = composed.compose("run", "--rm", "-e", f"WIRE_KEY={development}", "auth-prepare")
    assert refused.returncode != 0
    assert "WIRE_KEY: is missing or the well-known development value" in (
        refused.stdout + refused.stderr
    )


async def test_where_the_preparation_fails_what_runs_goes_on(system: Any, composed: Any) -> None:
    """`make up` prepares before it touches what runs."""
    before = composed.container("cards")
    wrong = "postgresql://cards:wrong@cards-db:5432/cards"
    failed = composed.compose("run", "--rm", "-e", f"DATABASE_URL={wrong}", "cards-prepare")
    assert failed.returncode != 0
    assert "PostgreSQL refuses it" in failed.stdout + failed.stderr
    assert composed.container("cards") == before
    assert await system.ready()


async def test_a_stop_lets_requests_end_and_is_no_failure(system: Any, composed: Any) -> None:
    containers = {service: composed.container(service) for service in ("cards", "cards-worker")}
    composed.succeeds("stop", *containers)
    for service, container in containers.items():
        assert exit_code(container) == 0, service
    composed.succeeds("start", "cards", "cards-worker")
    await eventually(system.ready, within=120, what="cards again")
