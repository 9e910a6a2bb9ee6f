"""The twin on a real port, asked by the real client."""

from collections.abc import AsyncIterator

import pytest
from stripe_twin.testing.world import World, account


@pytest.fixture(scope="module")
async def one_twin() -> AsyncIterator[World]:
    """A twin for a whole module."""
    async with account() as world:
        yield world


@pytest.fixture
async def twin(one_twin: World) -> World:
    """The module's twin, empty and well-behaved again."""
    await one_twin.set("reset")
    return one_twin
