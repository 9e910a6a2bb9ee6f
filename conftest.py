"""Whatever starts a server is an integration test, so that `make check` stays under a minute."""

import os

import pytest

collect_ignore = [] if "COMPOSE" in os.environ else ["tests/composed"]
"""They need a Docker engine, and minutes: `make test-compose`."""

SERVERS = {"postgres", "amqp_url", "node", "service"}
"""The fixtures that start one; pytest lists them also where they are used indirectly."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them; a mark by hand would be forgotten."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
