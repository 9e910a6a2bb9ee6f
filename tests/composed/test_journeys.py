"""The journeys of the other ways to run, through images and containers."""

from typing import Any

from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import PASSWORD, Person, Shop
from tests.end_to_end.billing.twin import Twin
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
    composed.succeeds("build", "tools")
    composed.succeeds("run", "--rm", "-e", f"ADMIN_PASSWORD={PASSWORD}", *admin)
    await eventually(system.ready, what="a connection that is not older than its server allows")
    nobody = Person(system)
    root = await nobody.enters("login", "ops@example.org")
    buyer = await nobody.enters("register", "buyer@example.org")

    buyer.twin = Twin("", system.session)  # its page says where it is
    id = await buyer.buys(await Shop(system, buyer.twin, root).plan(900))

    paid = await buyer.invoices(status="paid")
    assert [(one["subscription_id"], one["total"]["amount"]) for one in paid] == [(id, 900)]
