"""One system of real processes for all the faults, its servers restarted under it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from common.testing.faults.postgres_server import RestartablePostgres, restartable_postgres
from common.testing.faults.system import System, running_system
from common.testing.rabbitmq import RabbitMQNode, own_rabbitmq


@pytest.fixture(scope="session")
def breakable_postgres() -> Iterator[RestartablePostgres]:
    """A PostgreSQL that only these tests use."""
    with restartable_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def breakable_node() -> RabbitMQNode:
    """A RabbitMQ that may be stopped; it ends with the test session."""
    return own_rabbitmq()


@pytest.fixture(scope="session")
async def system(
    breakable_postgres: RestartablePostgres,
    breakable_node: RabbitMQNode,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[System]:
    """Two APIs, two relays, two readers. Whoever strikes it leaves it whole again."""
    folder = tmp_path_factory.mktemp("faults")
    async with running_system(breakable_postgres, breakable_node, folder) as running:
        yield running
