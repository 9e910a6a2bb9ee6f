"""The pictures that owners of cards show, as auth tells them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table portraits (
            owner_id  uuid primary key,
            change_id uuid not null,
            jpeg      bytea not null
        )""")
