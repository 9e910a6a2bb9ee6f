"""Categories over HTTP: nested without circles, deleted only when empty, plans in and out."""

import asyncio
from typing import Any
from uuid import UUID

from billing.offers import offered_terms

CATEGORIES = "/api/v1/admin/tarif-plan-categories"
NOBODYS = "01990000-0000-7000-8000-0000000000ff"


async def test_a_category_is_made_nested_and_read(world: Any) -> None:
    top = await world.admin.category("top")
    below = await world.admin.category("below", parent_id=top["id"], is_single=False)

    assert (top["is_single"], top["single_for_users"]) == (True, True)
    assert (below["is_single"], below["single_for_users"]) == (False, True)
    read = await world.admin.ask("GET", f"{CATEGORIES}/{below['id']}")
    assert (read.status, read.body) == (200, below)
    tree = (await world.admin.ask("GET", f"{CATEGORIES}?format=tree")).body
    (branch,) = [node for node in tree if node["slug"] == "top"]
    assert [child["slug"] for child in branch["children"]] == ["below"]
    listed = (await world.admin.ask("GET", f"{CATEGORIES}?per_page=1&page=2")).body
    assert (len(listed["items"]), listed["page"]) == (1, 2)


async def test_a_parent_must_exist_and_not_stand_below(world: Any) -> None:
    a = await world.admin.category("a")
    b = await world.admin.category("b", parent_id=a["id"])
    c = await world.admin.category("c", parent_id=b["id"])

    unknown = await world.admin.ask("PATCH", f"{CATEGORIES}/{a['id']}", {"parent_id": NOBODYS})
    assert (unknown.status, unknown.body["code"]) == (422, "parent_unknown")
    for parent in (a, b, c):
        answer = await world.admin.ask(
            "PATCH", f"{CATEGORIES}/{a['id']}", {"parent_id": parent["id"]}
        )
        assert (answer.status, answer.body["code"]) == (409, "category_in_itself")
    assert (await world.admin.ask("GET", f"{CATEGORIES}/{a['id']}")).body == a
    loose = await world.admin.ask("PATCH", f"{CATEGORIES}/{b['id']}", {"parent_id": None})
    assert (loose.status, loose.body["parent_id"]) == (200, None)


async def test_two_moves_at_once_never_make_a_circle(world: Any) -> None:
    for n in range(3):
        one = await world.admin.category(f"one-{n}")
        two = await world.admin.category(f"two-{n}")

        answers = await asyncio.gather(
            world.admin.ask("PATCH", f"{CATEGORIES}/{one['id']}", {"parent_id": two["id"]}),
            world.admin.ask("PATCH", f"{CATEGORIES}/{two['id']}", {"parent_id": one["id"]}),
        )

        assert sorted(answer.status for answer in answers) == [200, 409]


async def test_only_an_empty_category_is_deleted_and_its_slug_is_free_then(world: Any) -> None:
    outer = await world.admin.category("outer")
    inner = await world.admin.category("inner", parent_id=outer["id"])
    plan = await world.admin.plan("in-inner")
    path = f"{CATEGORIES}/{inner['id']}"
    await world.admin.ask("POST", f"{path}/attach-plans", {"plan_ids": [plan["id"]]})

    for full in (outer, inner):
        refused = await world.admin.ask("DELETE", f"{CATEGORIES}/{full['id']}")
        assert (refused.status, refused.body["code"]) == (409, "category_not_empty")
    await world.admin.ask("POST", f"{path}/detach-plans", {"plan_ids": [plan["id"]]})

    assert [(await world.admin.ask("DELETE", path)).status for _ in range(2)] == [204, 204]
    assert (await world.admin.ask("GET", path)).status == 404
    assert (await world.admin.ask("PATCH", path, {"name": "X"})).status == 404
    await world.admin.category("inner")
    taken = await world.admin.ask("POST", CATEGORIES, {"name": "Outer", "slug": "outer"})
    assert (taken.status, taken.body["code"]) == (409, "slug_taken")


async def test_plans_go_in_all_or_none(world: Any) -> None:
    category = await world.admin.category("shelf")
    plans = [await world.admin.plan(f"on-shelf-{n}") for n in range(2)]
    path = f"{CATEGORIES}/{category['id']}/attach-plans"
    ids = [plan["id"] for plan in plans]

    unknown = await world.admin.ask("POST", path, {"plan_ids": [*ids, NOBODYS]})
    assert (unknown.status, unknown.body["code"]) == (404, "plan_unknown")
    assert await world.shows("&category=shelf") == []
    for body in ({"plan_ids": []}, {"plan_ids": ["x"]}, {"plan_ids": ids * 60}, {}):
        assert (await world.admin.ask("POST", path, body)).status == 422
    for _ in range(2):
        answer = await world.admin.ask("POST", path, {"plan_ids": ids * 2}, Idempotency_Key="in")
        assert (answer.status, sorted(answer.body["plan_ids"])) == (200, sorted(ids))
    assert sorted(await world.shows("&category=shelf")) == ["on-shelf-0", "on-shelf-1"]
    nowhere = f"{CATEGORIES}/{NOBODYS}/attach-plans"
    assert (await world.admin.ask("POST", nowhere, {"plan_ids": ids})).status == 404


async def test_a_category_shows_what_stands_below_it(world: Any) -> None:
    upper = await world.admin.category("upper", is_single=False)
    lower = await world.admin.category("lower", parent_id=upper["id"])
    plan = await world.admin.plan("in-lower")
    await world.admin.ask(
        "POST", f"{CATEGORIES}/{lower['id']}/attach-plans", {"plan_ids": [plan["id"]]}
    )

    assert await world.shows("&category=upper") == ["in-lower"]
    assert await world.shows(f"&category={upper['id']}") == ["in-lower"]
    terms = await offered_terms(world.kernel.database, UUID(plan["id"]), "EUR")
    assert terms.single_in == (UUID(lower["id"]),)


async def test_a_category_that_goes_while_plans_come_is_left_whole(world: Any) -> None:
    for n in range(3):
        category = await world.admin.category(f"contested-{n}")
        plan = await world.admin.plan(f"contested-{n}")
        path = f"{CATEGORIES}/{category['id']}"

        deleted, attached = await asyncio.gather(
            world.admin.ask("DELETE", path),
            world.admin.ask("POST", f"{path}/attach-plans", {"plan_ids": [plan["id"]]}),
        )

        assert (deleted.status, attached.status) in {(204, 404), (409, 200)}
