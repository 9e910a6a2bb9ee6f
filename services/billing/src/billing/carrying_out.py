"""One command on one subscription, answered with the subscription as it is then."""

from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.problems import NotFound
from common.service import etag
from starlette.responses import Response

from billing.resources import Billing
from billing.steps import once
from billing.subscription_form import UNKEPT, subscription_told
from billing.subscriptions.commands import SubscriptionCommand
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import SubscriptionRow, subscription_by_id
from billing.units import own_cause


async def own_subscription(service: Billing, id: UUID, account_id: UUID) -> SubscriptionRow:
    """The subscription if it is the caller's. Raises `NotFound`."""
    row = await subscription_by_id(service.kernel.database, id)
    if row is None or row.account_id != account_id:
        raise NotFound
    return row


async def carry_out(
    service: Billing,
    id: UUID,
    command: SubscriptionCommand,
    cause: Cause,
    *,
    expected: int | None = None,
) -> Response:
    """Carry out the command, in a request that may be repeated."""

    async def work() -> Answer:
        own = own_cause(cause.now, actor=cause.actor)
        await service.kernel.commands.handle(SUBSCRIPTION, id, command, own, expected=expected)
        row = await subscription_by_id(service.kernel.database, id)
        assert row is not None
        return Answer(200, subscription_told(row), headers_of(row))

    return await once(service.kernel.commands, cause, SUBSCRIPTION.stream(id), work)


def headers_of(row: SubscriptionRow) -> dict[str, str]:
    """Its version, and what a cache must drop when it changes."""
    tags = f"subscription/{row.subscription_id}, user/{row.account_id}"
    return {**UNKEPT, "ETag": etag(row.version), "Cache-Tags": tags}
