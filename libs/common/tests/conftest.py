"""What the kernel's tests share: connections, nothing else."""

from collections.abc import Iterator

import pytest
from common.testing.rabbitmq import rabbitmq


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """The address of a real RabbitMQ."""
    with rabbitmq() as url:
        yield url
