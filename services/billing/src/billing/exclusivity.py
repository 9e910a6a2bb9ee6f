"""One live subscription in a category that allows no second, and one trial of a family: rows each.

They decide what may be written, so they stand in tables of migrations that no rebuild touches, and
are written with the subscription's events.
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.problems import Conflict
from common.read_models import Projection, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

from billing.subscriptions.events import (
    OrderWithdrawn,
    PlanChanged,
    PlanChangeScheduled,
    PlanChangeWithdrawn,
    SubscriptionCreated,
    SubscriptionEnded,
    SubscriptionRenewed,
    TrialStarted,
    UpgradeInvoiced,
    UpgradeReversed,
)


class CategoryTaken(Conflict):
    """There is another live subscription where there may be only one."""

    code = "category_taken"
    detail = "You have a plan of this kind already. Upgrade or downgrade it instead."


class TrialUsed(Conflict):
    """There is one trial of a family of plans."""

    code = "trial_used"
    detail = "The trial of this plan was used already."


ONE_EACH = "subscription_categories_one_each"
ONE_TRIAL = "trial_rights_pkey"

_categories = sa.table(
    "subscription_categories",
    sa.column("subscription_id", sa.Uuid),
    sa.column("category_id", sa.Uuid),
    sa.column("account_id", sa.Uuid),
    sa.column("planned", sa.Boolean),
)
_trials = sa.table(
    "trial_rights",
    sa.column("account_id", sa.Uuid),
    sa.column("family", sa.Text),
    sa.column("used_at", sa.DateTime(timezone=True)),
)
_row = {c.name: sa.bindparam(f"new_{c.name}", type_=c.type) for c in _categories.columns}
_taken = insert(_categories).values(_row)
_TAKE = Statement(
    _taken.on_conflict_do_update(
        index_elements=["subscription_id", "category_id"],
        # what is held for the present plan stays held for it
        set_={"planned": sa.and_(_categories.c.planned, _taken.excluded.planned)},
    )
)
_of_it = _categories.c.subscription_id == sa.bindparam("subscription", type_=sa.Uuid)
_KEEP = Statement(
    sa.delete(_categories).where(
        _of_it,
        _categories.c.category_id != sa.all_(sa.bindparam("kept", type_=sa.ARRAY(sa.Uuid))),
    )
)
_FREE_PLANNED = Statement(sa.delete(_categories).where(_of_it, _categories.c.planned))
_FREE = Statement(sa.delete(_categories).where(_of_it))
_USE = Statement(
    insert(_trials).values(
        {c.name: sa.bindparam(f"new_{c.name}", type_=c.type) for c in _trials.columns}
    )
)
_USED = Statement(
    sa.select(sa.literal(True))
    .select_from(_trials)
    .where(
        _trials.c.account_id == sa.bindparam("account", type_=sa.Uuid),
        _trials.c.family == sa.bindparam("family", type_=sa.Text),
    )
)

_Holding = (
    SubscriptionCreated
    | SubscriptionRenewed
    | PlanChangeScheduled
    | PlanChangeWithdrawn
    | UpgradeInvoiced
    | OrderWithdrawn
    | PlanChanged
    | UpgradeReversed
    | SubscriptionEnded
)


def _hold(event: _Holding, _: Stamp) -> list[Write]:
    """A plan that was only ordered holds its categories too, so that its payment cannot fail."""
    id, account = event.subscription_id, event.account_id
    match event:
        case SubscriptionCreated():
            return _take(id, account, event.terms.single_in, planned=False)
        case PlanChangeScheduled():
            return _take(id, account, event.terms.single_in, planned=True)
        case UpgradeInvoiced():
            return _take(id, account, event.upgrade.terms.single_in, planned=True)
        case PlanChangeWithdrawn() | OrderWithdrawn():
            return [Write(_FREE_PLANNED, {"subscription": id}, ("categories", id))]
        case SubscriptionRenewed(former_plan_id=None):
            return []
        case PlanChanged() | UpgradeReversed() | SubscriptionRenewed():
            return _switch(id, account, event.terms.single_in)
        case _:
            return [Write(_FREE, {"subscription": id}, ("categories", id))]


def _take(id: UUID, account: UUID, taken: Iterable[UUID], *, planned: bool) -> list[Write]:
    return [
        Write(
            _TAKE,
            {
                "new_subscription_id": id,
                "new_category_id": category,
                "new_account_id": account,
                "new_planned": planned,
            },
            ("categories", id),
        )
        for category in taken
    ]


def _switch(id: UUID, account: UUID, kept: tuple[UUID, ...]) -> list[Write]:
    keep = Write(_KEEP, {"subscription": id, "kept": list(kept)}, ("categories", id))
    return [keep, *_take(id, account, kept, planned=False)]


CATEGORIES_HELD = Projection(_Holding, _hold, {ONE_EACH: CategoryTaken})


def _use(event: TrialStarted, _: Stamp) -> list[Write]:
    values = {
        "new_account_id": event.account_id,
        "new_family": event.family,
        "new_used_at": event.started_at,
    }
    return [Write(_USE, values, ("trial", event.account_id))]


TRIALS_USED = Projection(TrialStarted, _use, {ONE_TRIAL: TrialUsed})


async def trial_used(database: Database, account: UUID, family: str) -> bool:
    """Whether the account had its trial of this family."""
    return await database.fetch_one(_USED, account=account, family=family) is not None


async def taken_by_another(
    transaction: Transaction, account: UUID, categories: tuple[UUID, ...], id: UUID
) -> bool:
    """Whether the account's other subscriptions hold one of these categories."""
    return bool(await transaction.connection.fetchval(_TAKEN, account, list(categories), id))


_TAKEN = """
    select exists (select from subscription_categories
                    where account_id = $1 and category_id = any($2) and subscription_id <> $3)"""
