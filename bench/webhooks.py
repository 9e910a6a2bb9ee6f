"""Webhooks taken in: signature checked, stored by their id, answered; beside a bare INSERT."""

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import PIPE
from pathlib import Path
from uuid import uuid4

from common.testing.processes import free_port, process

from bench.load import CONNECTIONS, LoadFailed
from bench.measurement import Measurement, Reference
from bench.rounds import Run, Side, in_turn
from bench.targets import line
from bench.whole_system import answers, plain_app

SECRET = "whsec_of_the_measurement_only"


async def measure(run: Run) -> list[Measurement]:
    """The line about webhooks."""
    ours_dsn, plain_dsn = [
        await run.postgres.create_database(f"bench_{name}_{uuid4().hex}")
        for name in ("webhooks", "plain_webhooks")
    ]
    port = free_port()
    settings = {
        "PORT": str(port),
        "DATABASE_URL": ours_dsn,
        "LOG_LEVEL": "warning",
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_WEBHOOK_SECRETS": SECRET,
    }
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        process(["-m", "billing.main"], settings, Path(folder) / "billing.txt"),
        plain_app("fastapi", DATABASE_URL=plain_dsn) as plain,
    ):
        await answers(url)
        await answers(plain)
        figures = await in_turn(
            run, sending_to(f"{url}/api/v1/stripe/webhook"), plain=sending_to(f"{plain}/events")
        )
    conditions = run.told(
        f"{CONNECTIONS} connections, bench.webhook_load; one process each; events of 1.6 kB, each "
        "with an id of its own; the peer checks nothing and inserts one row"
    )
    peer = Reference("FastAPI, asyncpg, one INSERT", figures["plain"])
    name = "webhook taken in"
    return [line("webhooks", name, figures["ours"], peer, unit="/s", conditions=conditions)]


def sending_to(url: str) -> Side:
    """Events taken a second."""

    async def work(seconds: float) -> float:
        command = (sys.executable, "-m", "bench.webhook_load", url, str(CONNECTIONS), str(seconds))
        sender = await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=PIPE, env={**os.environ, "SECRET": SECRET}
        )
        said, complained = await sender.communicate()
        if sender.returncode:
            raise LoadFailed(complained.decode())
        return float(said)

    return Side(work)
