"""A start waits for a PostgreSQL that is away, and says in one line why one never lets it in."""

import asyncio
import socket

import asyncpg
import structlog

from common.database import OUTCOME_UNKNOWN, connect
from common.places import place
from common.settings import StartRefused
from common.standing_aside import take_part

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 5.0
REMEDIES = {
    asyncpg.InvalidAuthorizationSpecificationError: "mend the user, its password or pg_hba.conf",
    asyncpg.InvalidCatalogNameError: "create this database, or mend its name",
    asyncpg.InsufficientPrivilegeError: "grant this user the right to connect",
}
"""What PostgreSQL will say again, however long one waits, and what to do about it."""


def refused(dsn: str, error: Exception, remedy: str) -> StartRefused:
    """The one line that ends a start."""
    why = f"PostgreSQL refuses it ({type(error).__name__})"
    return StartRefused(f"cannot start: DATABASE_URL: {why}: {place(dsn)}: {remedy}")


async def when_it_answers(dsn: str) -> asyncpg.Connection:
    """A connection as the owner of the tables, as soon as there is one.

    Raises `StartRefused` where waiting does not mend it.
    """
    if not dsn:
        raise StartRefused("cannot start: DATABASE_URL: is missing")
    pause = 0.1
    while True:
        try:
            connection = await connect(dsn, {})
            await take_part(connection)
            return connection
        except tuple(REMEDIES) as error:
            remedy = next(text for kind, text in REMEDIES.items() if isinstance(error, kind))
            raise refused(dsn, error, remedy) from None
        except (asyncpg.exceptions.ClientConfigurationError, ValueError):
            # the driver's own words may quote the address, and with it the password
            raise StartRefused("cannot start: DATABASE_URL: is no address") from None
        except (*OUTCOME_UNKNOWN, asyncpg.TooManyConnectionsError) as error:
            log.warning("database_is_away", database=place(dsn), why=_why(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _why(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, socket.gaierror):
        return "the name of its host is not known"
    return type(cause).__name__
