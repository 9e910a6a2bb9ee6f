"""Alembic's entry: the connection comes from `common.migrations.prepare_database`."""

from common.migration_environment import run

run()
