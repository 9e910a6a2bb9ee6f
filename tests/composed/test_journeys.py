"""The journeys of the other ways to run, through images and containers."""

from typing import Any

from tests.end_to_end.test_billing import PASSWORD, Caller, plan
from tests.end_to_end.test_journey import (
    test_a_cards_address_its_readers_and_its_past,
    test_bad_input_gets_a_clear_problem,
    test_from_the_first_account_to_the_last_goodbye,
)
from tests.end_to_end.test_people import (
    test_a_picture_is_kept_by_the_gateway_until_another_one_is_shown,
)
from tests.end_to_end.test_visitors import test_a_visitor_of_a_cached_page_is_counted_once

__all__ = [
    "test_a_cards_address_its_readers_and_its_past",
    "test_a_picture_is_kept_by_the_gateway_until_another_one_is_shown",
    "test_a_visitor_of_a_cached_page_is_counted_once",
    "test_bad_input_gets_a_clear_problem",
    "test_from_the_first_account_to_the_last_goodbye",
]


async def test_a_plan_is_bought_on_the_page_of_the_counterpart(system: Any, composed: Any) -> None:
    admin = ("tools", "admin", "create", "--email", "ops@example.org")
    composed.succeeds("run", "--rm", "-e", f"ADMIN_PASSWORD={PASSWORD}", *admin)
    root = await Caller(system).enters("/api/v1/auth/login", "ops@example.org")
    bob = await Caller(system).enters("/api/v1/auth/register", "bob@example.org")

    id = await bob.buys(await plan(root, "Composed", 900))

    paid = (await bob.ask("GET", "/api/v1/user/invoices?status=paid"))["items"]
    assert [(one["subscription_id"], one["total"]["amount"]) for one in paid] == [(id, 900)]
