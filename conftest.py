"""How the tests run: what starts a server is an integration test; what takes long begins first."""

import os
from typing import Any

import pytest
from common.testing.faults.postgres_server import add_user
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

# how long an example takes says more of the machine than of the code
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", PATIENT)
settings.register_profile("quick", PATIENT, max_examples=25)
"""For `make check`, which looks again and again; `make test` draws as many as ever."""
settings.load_profile("patient")

collect_ignore = [] if "COMPOSE" in os.environ else ["tests/composed"]
"""They need a Docker engine, and minutes: `make test-compose`."""

SERVERS = {"postgres", "amqp_url", "node", "service"}
"""The fixtures that start one; pytest lists them also where they are used indirectly."""

LONGEST_FIRST = ("tests/faults/", "tests/end_to_end/", "tools/", "libs/common/tests/test_over_")
"""Begun last, they would be waited for by runners that have nothing left to do."""

TOGETHER = ("tests/faults/", "tests/end_to_end/billing/")
"""One runner takes all of such a folder: its system of many processes is started once."""


def pytest_configure(config: pytest.Config) -> None:
    """Before there are runners, of which one may install a package while another adds a user."""
    if not hasattr(config, "workerinput"):
        add_user()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them (a mark by hand would be forgotten) and put them in order."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: _rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "ByFileAndSystem | None":
    """With `--dist loadfile` files go to the runners whole, and in the order above."""
    if config.option.dist != "loadfile":
        return None
    config.option.loadscopereorder = False
    return ByFileAndSystem(config, log)


class ByFileAndSystem(LoadFileScheduling):
    """A file is one runner's, since its fixtures are; so is a folder that shares a system."""

    def _split_scope(self, nodeid: str) -> str:
        together = (folder for folder in TOGETHER if nodeid.startswith(folder))
        return next(together, str(super()._split_scope(nodeid)))


def _rank(nodeid: str) -> int:
    ranks = (n for n, begin in enumerate(LONGEST_FIRST) if nodeid.startswith(begin))
    return next(ranks, len(LONGEST_FIRST))
