"""The systems that the journeys go through, each started once for a file of tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.testing.postgres import temporary_postgres

from tests.end_to_end.systems import System, distributed_run, embedded_run


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL for the services that run apart."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """`cartulary run` as a user starts it; the tests of a file share it."""
    async with embedded_run(tmp_path_factory.mktemp("embedded")) as system:
        yield system


@pytest.fixture(scope="module")
def more_environment() -> dict[str, str]:
    """Further settings of all processes; a file of tests may have its own."""
    return {}


@pytest.fixture(scope="module")
async def distributed(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: EmbeddedPostgres,
    more_environment: dict[str, str],
) -> AsyncIterator[System]:
    """A process for each service and worker; the tests of a file share them."""
    folder = tmp_path_factory.mktemp("distributed")
    async with distributed_run(folder, postgres, **more_environment) as system:
        yield system


@pytest.fixture(params=["embedded", "distributed"])
def system(request: pytest.FixtureRequest) -> System:
    """Each journey runs over both."""
    running: System = request.getfixturevalue(request.param)
    return running
