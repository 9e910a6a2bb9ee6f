"""The versions that other services see, so that a log restored from a backup can be told apart.

The log's own versions go on from the backup's. Consumers may have seen later ones, of events that
are lost now, and would take the new events for duplicates. So each restore begins an epoch, and
what is published in it carries a larger version: the log's own plus the epoch's shift.
"""

from datetime import datetime

import asyncpg

PUBLIC_VERSION = """
    version + coalesce((select max(shift) from epochs where after_position < position), 0)"""
"""The public version of a row of `events`, in SQL."""


class Epochs:
    """The restores that this log went through, as this process knows them."""

    def __init__(self) -> None:
        self._known: list[tuple[int, int]] = []

    def shift_at(self, position: int) -> int:
        """What is added to the version of the event at this position; 0 if nothing was restored."""
        return max((shift for after, shift in self._known if after < position), default=0)

    async def refresh(self, connection: asyncpg.Connection) -> bool:
        """Read them; whether they are others than before: the database was replaced by a backup."""
        try:
            rows = await connection.fetch("select after_position, shift from epochs")
        except asyncpg.UndefinedTableError:
            rows = []  # a tool looks at a database that its service has not migrated yet
        known = [(row["after_position"], row["shift"]) for row in rows]
        changed = known != self._known
        self._known = known
        return changed


async def begin_epoch(connection: asyncpg.Connection, backup: str, now: datetime) -> int:
    """Let what is appended from now on be of a new epoch; its shift, in milliseconds since 1970.

    No stream has ever had as many events as milliseconds have passed, so a later restore's shift is
    beyond all versions that were published before it, whether or not the backup knows of them.
    """
    shift: int = await connection.fetchval(_BEGIN, int(now.timestamp() * 1000), now, backup)
    return shift


_BEGIN = """
    insert into epochs (shift, after_position, begun_at, backup)
    select greatest($1::bigint, coalesce(max(shift), 0) + (select coalesce(max(version), 0) + 1
                                                             from events)),
           (select last_value from events_position_seq), $2, $3
      from epochs
    returning shift"""
