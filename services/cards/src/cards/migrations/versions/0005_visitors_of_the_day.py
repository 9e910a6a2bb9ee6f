"""Who was counted today, as keyed hashes that cannot be computed again once the salt is gone."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table visitor_salts (
            day  date primary key,
            salt bytea not null
        )""")
    op.execute("""
        create table visitors (
            day     date not null,
            card_id uuid not null,
            kind    text not null,
            visitor bytea not null,
            primary key (day, card_id, kind, visitor)
        )""")
