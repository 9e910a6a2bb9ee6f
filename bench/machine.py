"""On what it was measured: said once, above the table."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import asyncpg
from common.embedded_postgres import EmbeddedPostgres

SERVER_SETTINGS = ("server_version", "fsync", "synchronous_commit", "shared_buffers")


async def machine(postgres: EmbeddedPostgres) -> list[str]:
    """The machine, the versions, and the settings that decide about durability."""
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        settings = [
            f"{name} {await connection.fetchval('select current_setting($1)', name)}"
            for name in SERVER_SETTINGS
        ]
    finally:
        await connection.close()
    return [
        f"{os.cpu_count()} CPUs ({_cpu()}), {platform.system()}",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("asyncpg", "aio-pika", "uvloop")),
        f"PostgreSQL: {', '.join(settings)}; local socket",
    ]


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
