"""What providers call customers who were erased here, sealed, until they are deleted there."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table customers_to_forget (
            account_id uuid not null,
            provider   text not null,
            sealed     bytea not null,   -- the provider's name for them, under the service's key
            primary key (account_id, provider)
        )""")
