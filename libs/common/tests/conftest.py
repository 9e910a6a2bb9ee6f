"""What the kernel's tests share: connections, nothing else."""

from collections.abc import AsyncIterator, Iterator

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres
from common.testing.rabbitmq import rabbitmq


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """The address of a real RabbitMQ."""
    with rabbitmq() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """A kernel on a fresh database."""
    async with kernel_on(postgres) as kernel:
        yield kernel
