"""What every service's `migrations/env.py` calls: Alembic on the connection that it is handed."""

from alembic import context


def run() -> None:
    """Run the migrations in the transaction that `migration_process` opened."""
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
