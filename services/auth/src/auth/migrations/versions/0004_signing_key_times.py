"""Signing keys are published before they sign."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forwards only."""
    op.execute("alter table signing_keys add column signs_from timestamptz")
    op.execute("update signing_keys set signs_from = created_at")
    op.execute("alter table signing_keys alter column signs_from set not null")
