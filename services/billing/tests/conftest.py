"""What billing's tests share: one real PostgreSQL."""

from collections.abc import Iterator

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.testing.postgres import temporary_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server
