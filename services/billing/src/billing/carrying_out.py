"""One command on one subscription, answered with the subscription as it is then."""

from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.problems import NotFound
from common.service import etag
from starlette.responses import JSONResponse, Response

from billing.resources import Billing
from billing.steps import begin, finish
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
    stream = SUBSCRIPTION.stream(id)
    seen = await begin(service.kernel.commands, cause, stream)
    if seen is not None:
        return JSONResponse(seen.body, seen.status, dict(seen.headers))
    own = own_cause(cause.now, actor=cause.actor)
    await service.kernel.commands.handle(SUBSCRIPTION, id, command, own, expected=expected)
    return await tell(service, id, cause)


async def tell(service: Billing, id: UUID, cause: Cause) -> Response:
    """Answer with the subscription, and keep the answer for who repeats the request."""
    row = await subscription_by_id(service.kernel.database, id)
    assert row is not None
    answer = Answer(200, subscription_told(row), headers_of(row))
    stream = SUBSCRIPTION.stream(id)
    answer = await finish(service.kernel.commands, cause, stream, answer)
    return JSONResponse(answer.body, answer.status, dict(answer.headers))


def headers_of(row: SubscriptionRow) -> dict[str, str]:
    """Its version, and what a cache must drop when it changes."""
    tags = f"subscription/{row.subscription_id}, user/{row.account_id}"
    return {**UNKEPT, "ETag": etag(row.version), "Cache-Tags": tags}
