"""The picture that an owner shows, which auth tells: one row each, and none once they are erased.

It belongs to the owner, not to a card: all their cards show it, those made later too. No rebuild
touches the table, since it comes from another service's log.
"""

from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

portraits = sa.table(
    "portraits",
    sa.column("owner_id", sa.Uuid),
    sa.column("change_id", sa.Uuid),
    sa.column("jpeg", sa.LargeBinary),
)
_of_owner = portraits.c.owner_id == sa.bindparam("owner", type_=sa.Uuid)
_given = insert(portraits).values(
    owner_id=sa.bindparam("owner", type_=sa.Uuid),
    change_id=sa.bindparam("change", type_=sa.Uuid),
    jpeg=sa.bindparam("picture", type_=sa.LargeBinary),
)
_KEEP = Statement(
    _given.on_conflict_do_update(
        index_elements=[portraits.c.owner_id],
        set_={"change_id": _given.excluded.change_id, "jpeg": _given.excluded.jpeg},
    )
)
_FORGET = Statement(sa.delete(portraits).where(_of_owner))
_JPEG = Statement(sa.select(portraits.c.jpeg).where(_of_owner))


def keep_portrait(owner: UUID, change_id: UUID, jpeg: bytes) -> Write:
    """The owner shows this picture since that change."""
    values = {"owner": owner, "change": change_id, "picture": jpeg}
    return Write(_KEEP, values, ("portrait", owner))


def forget_portrait(owner: UUID) -> Write:
    """The owner shows no picture, or is erased."""
    return Write(_FORGET, {"owner": owner}, ("portrait", owner))


async def portrait_of(database: Database, owner: UUID) -> bytes | None:
    """The picture that the owner shows, a small square JPEG."""
    row = await database.fetch_one(_JPEG, owner=owner)
    return row["jpeg"] if row else None
