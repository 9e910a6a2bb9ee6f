"""How many live cards an owner has and may have: one row each, written with the card's events.

The table decides what may be written, so no rebuild touches it, and two cards that are made at the
same moment for the last free place meet at its row.
"""

from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.problems import Forbidden
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

DEFAULT_ALLOWED = 1
"""Live cards without a subscription; the table's default says the same."""


class CardLimitReached(Forbidden):
    """The owner has as many live cards as the entitlement `cards.max` allows (CP-06, CP-07)."""

    code = "card_limit_reached"
    detail = "This account has as many cards as it may have."

    @staticmethod
    def of(allowed: int) -> "CardLimitReached":
        """The same with the number."""
        cards = "1 card" if allowed == 1 else f"{allowed} cards"
        return CardLimitReached(f"This account may have {cards}; those in the trash do not count.")


NO_ROOM = "card_allowances.live"
"""The column that is null, and therefore refused, where there is no room for one more."""

_cards = sa.table("cards", sa.column("card_id", sa.Uuid), sa.column("owner_id", sa.Uuid))
_allowances = sa.table(
    "card_allowances",
    sa.column("owner_id", sa.Uuid),
    sa.column("live", sa.Integer),
    sa.column("allowed", sa.BigInteger),
    sa.column("closed", sa.Boolean),
)
_live, _allowed = _allowances.c.live, _allowances.c.allowed
_owner = sa.bindparam("owner", type_=sa.Uuid)
_of_the_card = sa.and_(
    _cards.c.card_id == sa.bindparam("id", type_=sa.Uuid),
    _cards.c.owner_id == _allowances.c.owner_id,
)
_one_more = {"live": sa.case((_live < _allowed, _live + 1))}
_COUNT_NEW = Statement(
    insert(_allowances)
    .values(owner_id=_owner, live=sa.literal(1))
    .on_conflict_do_update(index_elements=[_allowances.c.owner_id], set_=_one_more)
)
_COUNT_IN = Statement(sa.update(_allowances).where(_of_the_card).values(_one_more))
_COUNT_OUT = Statement(
    sa.update(_allowances).where(_of_the_card).values(live=sa.func.greatest(_live - 1, 0))
)
_given = insert(_allowances).values(
    owner_id=_owner, live=sa.literal(0), allowed=sa.bindparam("allowed", type_=sa.BigInteger)
)
_ALLOW = Statement(
    _given.on_conflict_do_update(
        index_elements=[_allowances.c.owner_id],
        set_={"allowed": _given.excluded.allowed},
        where=sa.not_(_allowances.c.closed),
    )
)
_shut = {"live": sa.literal(0), "allowed": sa.literal(0), "closed": sa.true()}
_CLOSE = Statement(
    insert(_allowances)
    .values(owner_id=_owner, **_shut)
    .on_conflict_do_update(index_elements=[_allowances.c.owner_id], set_=_shut)
)
_HOLD = Statement(
    insert(_allowances)
    .values(owner_id=_owner, live=sa.literal(0))
    .on_conflict_do_update(index_elements=[_allowances.c.owner_id], set_={"live": _live})
    .returning(_allowances.c.closed)
)
_ALLOWED = Statement(sa.select(_allowed).where(_allowances.c.owner_id == _owner))


def count_new(owner: UUID) -> Write:
    """One more card of this owner."""
    return Write(_COUNT_NEW, {"owner": owner}, ("allowance", owner))


def count_in(card_id: UUID) -> Write:
    """This card counts again."""
    return Write(_COUNT_IN, {"id": card_id}, ("allowance of", card_id))


def count_out(card_id: UUID) -> Write:
    """This card does not count any more."""
    return Write(_COUNT_OUT, {"id": card_id}, ("allowance of", card_id))


def allow(owner: UUID, allowed: int) -> Write:
    """The owner may have so many live cards; who has more keeps them."""
    return Write(_ALLOW, {"owner": owner, "allowed": allowed}, ("allowance", owner))


def close(owner: UUID) -> Write:
    """The owner was erased: no card of theirs comes after this, whatever is under way."""
    return Write(_CLOSE, {"owner": owner}, ("allowance", owner))


async def hold(transaction: Transaction, owner: UUID) -> bool:
    """Wait for cards of this owner that are being made; those that follow wait for our commit.

    Whether the owner is still there: False once they were erased.
    """
    row = await transaction.fetch_one(_HOLD, owner=owner)
    assert row is not None
    return not row["closed"]


async def allowed_cards(database: Database, owner: UUID) -> int:
    """How many live cards an owner may have."""
    row = await database.fetch_one(_ALLOWED, owner=owner)
    return row["allowed"] if row else DEFAULT_ALLOWED
