"""One real PostgreSQL a process of tests, one database of its own for whoever asks."""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from common.embedded_postgres import EmbeddedPostgres
from common.testing.faults.postgres_server import restartable_postgres


@contextmanager
def temporary_postgres() -> Iterator[EmbeddedPostgres]:
    """A server in a temporary folder; it lasts as long as this process and is shared.

    Databases and roles need names of their own: others do not expect yours.
    """
    yield _server()


@cache
def _server() -> EmbeddedPostgres:
    """At most one a process, since making and stopping it takes seconds."""
    stack = ExitStack()
    postgres = stack.enter_context(restartable_postgres())
    atexit.register(stack.close)
    return postgres.server
