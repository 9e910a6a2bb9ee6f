"""`python -m common.migration_process FOLDER REVISION`: Alembic, in a process that soon ends.

A service that runs for months need not keep Alembic and an engine for it, sixteen megabytes. The
database's address comes in `DATABASE_URL`: a command line is readable by everybody on the machine.
"""

import asyncio
import os
import sys
import traceback
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine


async def upgrade(dsn: str, migrations: Path, revision: str) -> None:
    """Run what is missing, in one transaction: all of it or nothing."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))

    def run(connection: sa.Connection) -> None:
        # two processes of a service start at once: one migrates, the other waits and finds it done
        connection.exec_driver_sql(_LOCK)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def why(error: Exception, migrations: Path) -> str:
    """One line: which line of which migration, and what is wrong with it.

    Of what PostgreSQL says the first line only: the others may quote what people wrote.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if migrations in Path(frame.filename).parents
    ]
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: " if frames else ""
    cause = getattr(error, "orig", None) or error
    cause = cause.__cause__ or cause
    first_line = str(cause).partition("\n")[0]
    return f"{where}{type(cause).__name__}: {first_line}"


_LOCK = "select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('migrate'))"


def main() -> None:
    """Migrate, or end with the line that says why not."""
    migrations, revision = Path(sys.argv[1]).resolve(), sys.argv[2]
    try:
        asyncio.run(upgrade(os.environ["DATABASE_URL"], migrations, revision))
    except Exception as error:
        raise SystemExit(why(error, migrations)) from None


if __name__ == "__main__":
    main()
