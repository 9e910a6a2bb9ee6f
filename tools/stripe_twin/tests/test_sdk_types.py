"""The twin is held to the SDK's own types, so that it cannot drift from what billing talks to."""

import importlib
import inspect
from typing import Any, get_args, get_origin, is_typeddict

import pytest
import stripe
from stripe._api_version import _ApiVersion
from stripe_twin import API_VERSION
from stripe_twin.operations import OPERATIONS, Operation
from stripe_twin.testing.sdk_types import CLASSES, differences, fields_of, parameter_names

EVENT_NAMES = set(get_args(fields_of(stripe.Event)["type"]))


async def everything(twin: Any) -> list[dict[str, Any]]:
    """Objects of all kinds in many states, as the API sends them."""
    customer = await twin.customer(name="Ann", metadata={"account_id": "1"})
    paid = await twin.pays(customer=customer.id, setup_future_usage="off_session")
    for card in ("pm_card_visa_chargeDeclined", "pm_card_authenticationRequired"):
        with pytest.raises(stripe.CardError):
            await twin.pays(card, customer=customer.id, off_session=True)
    challenged = await twin.pays("pm_card_authenticationRequired", customer=customer.id)
    await twin.v1.payment_intents.cancel_async(challenged.id)
    await twin.v1.refunds.create_async({"payment_intent": paid.id, "amount": 500})
    disputed = await twin.pays("pm_card_createDispute")
    late = await twin.pays("pm_card_pendingRefund")
    fails = await twin.pays("pm_card_refundFail")
    for intent in (late, fails):
        await twin.v1.refunds.create_async({"payment_intent": intent.id})
    await twin.v1.setup_intents.create_async(
        {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    )
    opened = await twin.session(customer=customer.id)
    other = await twin.session(mode="setup", line_items=[], currency="eur", customer=customer.id)
    await twin.set("pay", session=opened.id, number="4242424242424242")
    await twin.v1.checkout.sessions.expire_async(other.id)
    await twin.set("clock", seconds=4 * 86_400)
    await twin.v1.webhook_endpoints.create_async({"url": twin.url, "enabled_events": ["*"]})
    assert disputed.status == "succeeded"
    v1 = twin.v1
    lists = (v1.customers, v1.payment_intents, v1.charges, v1.refunds, v1.disputes, v1.events)
    more = (v1.checkout.sessions, v1.webhook_endpoints)
    pages = [await service.list_async({"limit": 100}) for service in (*lists, *more)]
    cards = await v1.customers.payment_methods.list_async(customer.id)
    return [thing.to_dict() for page in (*pages, cards) for thing in page.data]


@pytest.fixture(scope="module")
async def things(one_twin: Any) -> list[dict[str, Any]]:
    await one_twin.set("reset")
    return await everything(one_twin)


async def test_no_object_has_a_field_that_the_sdk_does_not_know_or_lacks_a_required_one(
    things: list[dict[str, Any]],
) -> None:
    found = {
        problem
        for thing in things
        for problem in differences(thing, CLASSES[thing["object"]], thing["object"])
    }

    assert found == set()


async def test_events_show_objects_and_have_names_that_the_sdk_knows(
    things: list[dict[str, Any]],
) -> None:
    events = [thing for thing in things if thing["object"] == "event"]
    shown = [event["data"]["object"] for event in events]
    found = {
        problem
        for thing in shown
        for problem in differences(thing, CLASSES[thing["object"]], thing["object"])
        if not (thing.get("deleted") or thing["object"] == "customer")
    }

    assert {event["type"] for event in events} <= EVENT_NAMES
    assert len({event["type"] for event in events}) > 12
    assert found == set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_no_call_takes_a_parameter_that_the_sdk_does_not_know(operation: Operation) -> None:
    unknown = [name for name in _named(operation.takes, parameter_names(operation.params)) if name]

    assert unknown == []


def _named(takes: Any, hints: dict[str, Any], at: str = "") -> list[str]:
    found: list[str] = []
    for name, kind in takes.items():
        where = f"{at}.{name}"
        if name not in hints:
            found.append(where)
            continue
        inner = kind[0] if isinstance(kind, list) else kind
        nested = [t for t in _within(hints[name]) if is_typeddict(t)]
        if isinstance(inner, dict) and nested:
            module = importlib.import_module(nested[0].__module__)
            known = {n: h for t in nested for n, h in _hints(t, vars(module)).items()}
            found += _named(inner, known, where)
    return found


def _hints(typed: Any, names: dict[str, Any]) -> dict[str, Any]:
    return inspect.get_annotations(typed, eval_str=True, globals=names)


def _within(hint: Any) -> list[Any]:
    if get_origin(hint) is None:
        return [hint]
    return [inner for arg in get_args(hint) for inner in _within(arg)]


def test_the_version_that_is_played_is_the_one_that_the_sdk_speaks() -> None:
    assert _ApiVersion.CURRENT == API_VERSION
