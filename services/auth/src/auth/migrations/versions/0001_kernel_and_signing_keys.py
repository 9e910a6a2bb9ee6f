"""The kernel's tables, and the keys that sign access tokens."""

from alembic import op
from common.migrations import kernel_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forwards only."""
    for statement in kernel_schema("0001_kernel"):
        op.execute(statement)
    op.execute("""
        create table signing_keys (
            kid        text primary key,
            wrapped    bytea not null,   -- the private key, sealed under the service's data key
            created_at timestamptz not null
        )""")
