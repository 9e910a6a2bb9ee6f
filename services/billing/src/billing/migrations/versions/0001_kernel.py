"""The kernel's tables."""

from alembic import op
from common.migrations import kernel_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forwards only."""
    for statement in kernel_schema("0001_kernel"):
        op.execute(statement)
