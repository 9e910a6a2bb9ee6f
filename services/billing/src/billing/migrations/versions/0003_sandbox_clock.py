"""How far the sandbox's clock has been moved: one row that all processes read."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table sandbox_clock (
            only_row boolean primary key default true check (only_row),
            ahead    interval not null default '0'
        )""")
    op.execute("insert into sandbox_clock default values")
