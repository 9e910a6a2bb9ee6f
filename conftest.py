"""Whatever starts a server is an integration test, so that `make check` stays under a minute."""

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says more of the machine than of the code
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

SERVERS = {"postgres", "amqp_url", "node", "service"}
"""The fixtures that start one; pytest lists them also where they are used indirectly."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them; a mark by hand would be forgotten."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
