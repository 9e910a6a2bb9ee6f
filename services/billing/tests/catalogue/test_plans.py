"""Plans over HTTP: made, changed, priced, retired; nonsense is refused by name."""

import asyncio
from typing import Any

import pytest
from billing.declaration import DECLARATION
from billing.offers import offered_terms
from common.read_models import rebuild
from common.view_checks import compare

PLANS, SHOP = "/api/v1/admin/tarif-plans", "/api/v1/tarif-plans"
EURO = {"price": {"amount": 1200, "currency": "EUR"}}


async def test_a_plan_is_made_read_and_shown_to_everybody(world: Any) -> None:
    made = await world.admin.plan("shown", description="For whoever hands out cards.")

    assert made["status"] == "active"
    assert [(p["version"], p["price"]["currency"], p["current"]) for p in made["prices"]] == [
        *((1, "EUR", True), (2, "USD", True))
    ]
    for key in (made["id"], "shown"):
        read = await world.admin.ask("GET", f"{PLANS}/{key}")
        assert (read.status, read.body) == (200, {**made, "subscriber_count": 0})
        assert read.headers["etag"] == '"3"'
        public = await world.ask("GET", f"{SHOP}/{key}")
        assert (public.status, public.body["slug"]) == (200, "shown")
    assert public.body["price"] == {"amount": 1200, "currency": "EUR"}
    assert public.body["net"]["amount"] == 1000
    assert public.body["tax"] == {
        **{"rate": 2000, "country": "FR", "behaviour": "inclusive", "amount": 200}
    }
    assert "shown" in await world.shows()


async def test_a_price_is_told_with_the_tax_of_where_one_lives(world: Any) -> None:
    await world.admin.plan("taxed")

    dollars = await world.ask("GET", f"{SHOP}/taxed?currency=usd&country=de")

    assert dollars.body["net"] == {"amount": 1300, "currency": "USD"}
    assert dollars.body["gross"] == {"amount": 1547, "currency": "USD"}
    assert dollars.body["tax"]["rate"] == 1900
    untaxed = await world.ask("GET", f"{SHOP}/taxed?currency=USD&country=US")
    assert untaxed.body["gross"] == untaxed.body["net"]


async def test_what_is_not_offered_is_refused_by_name(world: Any) -> None:
    made = await world.admin.plan("gone")
    assert (await world.ask("GET", f"{SHOP}/gone?currency=CHF")).body["code"] == (
        "currency_not_offered"
    )
    assert "gone" not in await world.shows("&currency=CHF")

    await world.admin.ask("DELETE", f"{PLANS}/{made['id']}")

    assert (await world.ask("GET", f"{SHOP}/gone")).status == 404
    assert "gone" not in await world.shows()
    for key in ("never-made", "01990000-0000-7000-8000-00000000d001", "%00", "a%20b", "é"):
        assert (await world.ask("GET", f"{SHOP}/{key}")).status == 404, key
        assert (await world.admin.ask("GET", f"{PLANS}/{key}")).status == 404, key
    for query in ("currency=EURO", "currency=XXX", "currency=%00%00%00", "country=Germany"):
        assert (await world.ask("GET", f"{SHOP}?{query}")).status == 422, query
    unknown = await world.ask("GET", f"{SHOP}?category=%00")
    assert (unknown.status, unknown.body["code"]) == (404, "category_unknown")


async def test_who_is_no_administrator_makes_nothing(world: Any) -> None:
    assert (await world.caller().ask("POST", PLANS, {})).status == 403
    assert (await world.caller("support").ask("GET", PLANS)).status == 403
    assert (await world.ask("POST", PLANS, json={})).status == 401


WRONG: dict[str, dict[str, Any]] = {
    "no price": {"prices": []},
    "negative": {"prices": [{"price": {"amount": -1, "currency": "EUR"}}]},
    "enormous": {"prices": [{"price": {"amount": 10**18, "currency": "EUR"}}]},
    "fraction": {"prices": [{"price": {"amount": 12.5, "currency": "EUR"}}]},
    "whole float": {"prices": [{"price": {"amount": 12.0, "currency": "EUR"}}]},
    "text": {"prices": [{"price": {"amount": "1200", "currency": "EUR"}}]},
    "true": {"prices": [{"price": {"amount": True, "currency": "EUR"}}]},
    "no currency of this world": {"prices": [{"price": {"amount": 1, "currency": "ZZZ"}}]},
    "euros written out": {"prices": [{"price": {"amount": 1, "currency": "euros"}}]},
    "one currency twice": {"prices": [EURO, EURO]},
    "odd tax": {"prices": [{**EURO, "tax": "free"}]},
    "effect in the past": {"prices": [{**EURO, "existing_from": "2020-01-01T00:00:00Z"}]},
    "effect without a zone": {"prices": [{**EURO, "existing_from": "2090-01-01T00:00:00"}]},
    "effect at the end": {"prices": [{**EURO, "existing_from": "9999-12-31T23:59:59-14:00"}]},
    "no name": {"name": "  "},
    "two lines": {"name": "Pro\nX"},
    "nothing to make a slug of": {"name": "王小明", "slug": None},
    "slug with a space": {"slug": "a b"},
    "endless slug": {"slug": "a" * 61},
    "term of no length": {"term": {"interval": "month", "count": 0}},
    "odd interval": {"term": {"interval": "fortnight"}},
    "endless trial": {"trial_days": 10**9},
    "negative limit": {"limits": {"cards.max": -1}},
    "unlimited limit": {"limits": {"cards.max": 10**18}},
    "odd limit": {"limits": {"Cards Max": 1}},
    "unknown field": {"price_float": 12.5},
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
async def test_nonsense_is_refused(world: Any, wrong: str) -> None:
    body = {"name": "Pro", "slug": "nonsense", "term": {"interval": "month"}, "prices": [EURO]}

    answer = await world.admin.ask("POST", PLANS, {**body, **WRONG[wrong]})

    assert (answer.status, answer.body["status"]) == (422, 422), answer.body
    assert (await world.admin.ask("GET", f"{PLANS}/nonsense")).status == 404


async def test_one_slug_is_one_plan_also_at_the_same_moment(world: Any) -> None:
    body = {"name": "Pro", "slug": "once", "term": {"interval": "month"}, "prices": [EURO]}

    answers = await asyncio.gather(*(world.admin.ask("POST", PLANS, body) for _ in range(8)))

    assert sorted(answer.status for answer in answers) == [201, *[409] * 7]
    assert {a.body["code"] for a in answers if a.status == 409} == {"slug_taken"}


async def test_a_repeated_request_makes_one_plan(world: Any) -> None:
    admin = world.admin
    body = {"name": "Twice", "term": {"interval": "year"}, "prices": [EURO]}

    first = await admin.ask("POST", PLANS, body, Idempotency_Key="one")
    again = await admin.ask("POST", PLANS, body, Idempotency_Key="one")

    assert first.body["slug"] == "twice"
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    other = await admin.ask("POST", PLANS, {**body, "name": "Other"}, Idempotency_Key="one")
    assert other.body["code"] == "idempotency_key_reused"


async def test_a_change_is_for_new_subscribers_and_names_its_version(world: Any) -> None:
    made = await world.admin.plan("changing")
    path = f"{PLANS}/{made['id']}"
    agreed = await offered_terms(world.kernel.database, made["id"], "EUR")

    late = await world.admin.ask("PATCH", path, {"limits": {"cards.max": 12}}, If_Match='"1"')
    assert late.status == 412
    changed = await world.admin.ask(
        "PATCH", path, {"limits": {"seats": 2, "cards.max": 12}}, If_Match='"3"'
    )

    assert (changed.status, changed.body["limits"]) == (200, {"cards.max": 12, "seats": 2})
    assert changed.body["features"] == ["statistics"]
    now = await offered_terms(world.kernel.database, made["id"], "EUR")
    assert dict(agreed.limits) == {"cards.max": 10}
    assert dict(now.limits) == {"cards.max": 12, "seats": 2}
    assert (await world.admin.ask("PUT", path, {"name": "Changed"})).body["name"] == "Changed"
    assert (await world.admin.ask("PATCH", path, {"slug": "other"})).status == 422


async def test_a_new_price_is_a_further_version_and_the_old_ones_stay(world: Any) -> None:
    made = await world.admin.plan("dearer")
    body = {
        "prices": [
            {
                "price": {"amount": 1400, "currency": "EUR"},
                "existing_from": "2098-01-01T01:00:00+01:00",
            }
        ]
    }

    priced = await world.admin.ask("POST", f"{PLANS}/{made['id']}/prices", body)

    assert [(p["version"], p["price"]["amount"], p["current"]) for p in priced.body["prices"]] == [
        *((1, 1200, False), (2, 1300, True), (3, 1400, True))
    ]
    assert priced.body["prices"][2]["existing_from"] == "2098-01-01T00:00:00Z"
    assert priced.body["prices"][:2] == [{**made["prices"][0], "current": False}, made["prices"][1]]
    again = await world.admin.ask("POST", f"{PLANS}/{made['id']}/prices", body)
    assert again.headers["etag"] == priced.headers["etag"]


async def test_two_prices_at_the_same_moment_are_two_versions(world: Any) -> None:
    made = await world.admin.plan("raced")
    path = f"{PLANS}/{made['id']}/prices"
    bodies = [
        {"prices": [{"price": {"amount": amount, "currency": "EUR"}}]}
        for amount in range(2000, 2004)
    ]

    answers = await asyncio.gather(*(world.admin.ask("POST", path, body) for body in bodies))

    assert {answer.status for answer in answers} <= {200, 409}
    prices = (await world.admin.ask("GET", f"{PLANS}/{made['id']}")).body["prices"]
    assert [p["version"] for p in prices] == list(range(1, len(prices) + 1))
    assert len(prices) == 2 + sum(answer.status == 200 for answer in answers)


async def test_a_retired_plan_keeps_its_slug_and_comes_back(world: Any) -> None:
    made = await world.admin.plan("resting")
    path = f"{PLANS}/{made['id']}"

    for request in (("DELETE", path), ("POST", f"{path}/deactivate"), ("POST", f"{path}/archive")):
        retired = await world.admin.ask(*request)
        assert (retired.status, retired.body["status"]) == (200, "retired")
    listed = await world.admin.ask("GET", f"{PLANS}?status=retired&per_page=100")
    assert "resting" in [plan["slug"] for plan in listed.body["items"]]
    taken = await world.admin.ask("POST", PLANS, {**made_of(made), "slug": "resting"})
    assert (taken.status, taken.body["code"]) == (409, "slug_taken")

    back = await world.admin.ask("POST", f"{path}/activate")

    assert back.body["status"] == "active"
    assert "resting" in await world.shows()


async def test_a_copy_waits_until_somebody_has_looked_at_it(world: Any) -> None:
    category = await world.admin.category("copied-things")
    made = await world.admin.plan("pattern")
    attach = f"/api/v1/admin/tarif-plan-categories/{category['id']}/attach-plans"
    await world.admin.ask("POST", attach, {"plan_ids": [made["id"]]})
    admin, path = world.admin, f"{PLANS}/{made['id']}/copy"

    copy = await admin.ask("POST", path, {}, Idempotency_Key="copy")
    again = await admin.ask("POST", path, {}, Idempotency_Key="copy")

    assert (copy.status, again.status) == (201, 201), copy.body
    assert copy.body["id"] == again.body["id"] != made["id"]
    for field, expected in {
        "slug": "pattern-copy",
        "name": "Pro (copy)",
        "status": "retired",
        "category_ids": [category["id"]],
    }.items():
        assert copy.body[field] == expected
    assert (await admin.ask("POST", path, {})).body["code"] == "slug_taken"
    assert (await admin.ask("POST", path, {"slug": "pattern-2"})).status == 201


async def test_what_does_not_exist_is_not_found(world: Any) -> None:
    for id in ("01990000-0000-7000-8000-0000000000ff", "no-id"):
        for method, more, body in (
            ("PATCH", "", {"name": "X"}),
            ("DELETE", "", None),
            ("POST", "/activate", None),
            ("POST", "/prices", {"prices": [EURO]}),
            ("POST", "/copy", {}),
        ):
            answer = await world.admin.ask(method, f"{PLANS}/{id}{more}", body)
            assert answer.status == 404, (method, more)


async def test_the_cheapest_paid_plan_of_each_term_is_told(world: Any) -> None:
    price = {"price": {"amount": 1, "currency": "NOK"}}
    free = {"price": {"amount": 0, "currency": "NOK"}}
    term = {"interval": "month", "count": 3}
    cheap = await world.admin.plan("cheap-quarter", term=term, prices=[price])
    await world.admin.plan("free-quarter", term=term, prices=[free])

    prices = (await world.ask("GET", "/api/v1/subscription/prices?currency=NOK")).body

    assert prices["trimestral"] == {"id": cheap["id"], "unit_amount": 1, "currency": "NOK"}
    assert prices["semestral"] is None


async def test_the_answers_to_everybody_may_be_kept_until_a_plan_changes(world: Any) -> None:
    made = await world.admin.plan("kept")
    first = await world.ask("GET", f"{SHOP}/kept")

    same = await world.ask("GET", f"{SHOP}/kept", headers={"If-None-Match": first.headers["etag"]})
    changed = await world.admin.ask("PATCH", f"{PLANS}/{made['id']}", {"name": "Kept"})
    other = await world.ask("GET", f"{SHOP}/kept", headers={"If-None-Match": first.headers["etag"]})

    assert (same.status, other.status) == (304, 200)
    assert "public" in first.headers["cache-control"]
    assert f"plan/{made['id']}" in first.headers["cache-tags"]
    assert f"plan/{made['id']}" in changed.headers["cache-tags"]
    listed = await world.ask("GET", SHOP)
    assert "plan" in listed.headers["cache-tags"].split(", ")


async def test_the_catalogue_can_be_built_anew(world: Any) -> None:
    for read_model in DECLARATION.read_models:
        await rebuild(world.kernel.database, world.kernel.store, read_model)
        compared = await compare(world.kernel.database, world.kernel.store, read_model)
        assert compared.differences == 0, read_model.name


def made_of(plan: dict[str, Any]) -> dict[str, Any]:
    return {"name": plan["name"], "term": plan["term"], "prices": [EURO]}
