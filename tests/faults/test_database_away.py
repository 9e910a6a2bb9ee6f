"""While PostgreSQL is away an API says so, whatever it is asked; then it serves again."""

import asyncio
from uuid import uuid4

import pytest
from common.testing.faults.system import System

pytestmark = pytest.mark.integration

NOTE = {"author_id": str(uuid4()), "title": "t", "text": "x"}


async def problem(system: System, method: str, path: str) -> tuple[int, str]:
    """Status and code of the answer."""
    body = NOTE if method == "POST" else None
    async with system.session.request(method, system.urls[0] + path, json=body) as response:
        return response.status, (await response.json()).get("code")


async def test_an_api_without_its_database_answers_503_and_recovers_by_itself(
    system: System,
) -> None:
    path = f"/notes/{uuid4()}"
    await asyncio.to_thread(system.postgres.stop)
    try:
        told = [await problem(system, method, path) for method in ("POST", "DELETE", "GET")]
    finally:
        await asyncio.to_thread(system.postgres.start)

    assert told == [(503, "unavailable")] * 3
    await system.ready()
    assert await problem(system, "GET", path) == (404, "not_found")
