"""Mails that are due before billing has heard where their reader can be reached."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table waiting_mails (
            key          uuid primary key,       -- the mail's, made from the event's id
            account_id   uuid not null,
            stream       text not null,          -- the event that it follows from
            version      int not null,
            worth_until  timestamptz not null,   -- by billing's clock; after it nobody wants it
            leased_until timestamptz,            -- somebody sends it until then
            ended_at     timestamptz,
            outcome      text
        )""")
    op.execute("""
        create index waiting_mails_open on waiting_mails (worth_until) where ended_at is null""")
    op.execute("create index waiting_mails_of on waiting_mails (account_id)")
