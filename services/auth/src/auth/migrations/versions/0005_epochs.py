"""What is restored from a backup is told apart by those who hear of it."""

from alembic import op
from common.migrations import kernel_schema

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forwards only."""
    for statement in kernel_schema("0003_epochs"):
        op.execute(statement)
