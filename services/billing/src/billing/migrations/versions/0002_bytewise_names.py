"""Names in the kernel's tables are compared byte by byte."""

from alembic import op
from common.migrations import kernel_schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forwards only."""
    for statement in kernel_schema("0002_bytewise_names"):
        op.execute(statement)
