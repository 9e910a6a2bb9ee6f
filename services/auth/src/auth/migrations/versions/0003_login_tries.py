"""Tries to log in: counted to slow guessing down, no part of history."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table login_tries (
            pair     text primary key,   -- keyed hash of a block of addresses and an account
            empty_at timestamptz not null
        )""")
    op.execute("create index login_tries_stale on login_tries (empty_at)")
    op.execute("""
        create table login_failures (
            who      text primary key,   -- keyed hash of an account, or of a name that is none
            failures int not null,
            last_at  timestamptz not null
        )""")
    op.execute("create index login_failures_forgotten on login_failures (last_at)")
