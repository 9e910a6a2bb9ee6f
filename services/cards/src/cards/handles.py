"""Whose a handle is: one row each, written with the card's events.

No rebuild touches the table: in the log's order somebody may take a handle before the one who had
it lets it go, since positions are drawn before the row is waited for.
"""

from uuid import UUID

import sqlalchemy as sa
from common.problems import Conflict
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert


class HandleTaken(Conflict):
    """Another card has this handle."""

    code = "handle_taken"
    detail = "Another card has this handle. Choose another."


ONE_CARD_EACH = "card_handles_handle"
"""The unique key that says so."""

_handles = sa.table("card_handles", sa.column("card_id", sa.Uuid), sa.column("handle", sa.Text))
_taken = insert(_handles).values(
    card_id=sa.bindparam("id", type_=sa.Uuid), handle=sa.bindparam("new_handle", type_=sa.Text)
)
_TAKE = Statement(
    _taken.on_conflict_do_update(
        index_elements=[_handles.c.card_id], set_={"handle": _taken.excluded.handle}
    )
)
_FREE = Statement(sa.delete(_handles).where(_handles.c.card_id == sa.bindparam("id")))


def take_handle(card_id: UUID, handle: str) -> Write:
    """The handle is this card's, instead of the one before."""
    return Write(_TAKE, {"id": card_id, "new_handle": handle}, ("handle", card_id))


def free_handle(card_id: UUID) -> Write:
    """The card has no handle any more."""
    return Write(_FREE, {"id": card_id}, ("handle", card_id))
