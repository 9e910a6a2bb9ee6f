"""The kernel's own tests migrate a database as a service does."""

from common.migration_environment import run

run()
