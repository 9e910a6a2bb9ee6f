"""Alembic's entry: the connection comes from `common.migration_process`."""

from common.migration_environment import run

run()
