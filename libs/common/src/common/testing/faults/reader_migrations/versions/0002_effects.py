"""One row for each effect. Half of it done, a crash point: the test wants to see nothing of it."""

from alembic import op
from common.testing.faults.crash_points import CrashPoint, CrashPoints

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The table, then its index."""
    op.execute(
        "create table effects (position bigint generated always as identity,"
        " note_id uuid not null, version int not null, what text not null)"
    )
    CrashPoints.from_environment().reach(CrashPoint.MIGRATING)
    op.execute("create index effects_by_note on effects (note_id)")
