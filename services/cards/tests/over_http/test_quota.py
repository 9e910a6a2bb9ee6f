"""How many live cards one may have: nobody gets one more, whatever happens at the same time."""

import asyncio
from typing import Any

from cards.declaration import DECLARATION
from common.read_models import rebuild
from common.view_checks import compare


async def total(person: Any) -> int:
    counted: int = (await person.ask("GET", "/api/v1/cards/")).body["total"]
    return counted


async def test_without_a_subscription_there_is_one_card(world: Any) -> None:
    """CP-06, CP-07."""
    ada = world.caller()

    answers = [await ada.creates() for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 403, 403]
    assert answers[1].body["code"] == "card_limit_reached"
    assert "1 card;" in answers[1].body["detail"]
    listed = (await ada.ask("GET", "/api/v1/cards/?page=1&per_page=2")).body
    assert [listed["page"], listed["per_page"], listed["total"], len(listed["items"])] == [
        *(1, 2, 1, 1)
    ]


async def test_an_invalid_card_is_told_so_before_the_limit(world: Any) -> None:
    ada = world.caller()
    await ada.has()

    assert (await ada.creates(name="")).status == 422


async def test_parallel_creates_never_make_more_than_the_limit(world: Any) -> None:
    ada = await world.entitled(cards=4)

    answers = await asyncio.gather(*(ada.creates() for _ in range(20)))

    assert sorted(answer.status for answer in answers) == [*[201] * 4, *[403] * 16]
    assert await total(ada) == 4


async def test_the_first_cards_of_somebody_at_the_same_moment_are_one(world: Any) -> None:
    ada = world.caller()

    answers = await asyncio.gather(*(ada.creates() for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [201, *[403] * 9]


async def test_a_deleted_card_makes_room_and_wants_it_again_when_restored(world: Any) -> None:
    ada = world.caller()
    first = await ada.has(name="First")
    await ada.ask("DELETE", first)
    second = await ada.has(name="Second")

    refused = await ada.ask("POST", first + "/restore")

    assert (refused.status, refused.body["code"]) == (403, "card_limit_reached")
    await ada.ask("DELETE", second)
    assert (await ada.ask("POST", first + "/restore")).status == 200
    assert await total(ada) == 1


async def test_deleting_one_card_at_the_same_time_makes_room_for_one(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()

    await asyncio.gather(*(ada.ask("DELETE", path) for _ in range(6)))
    answers = await asyncio.gather(*(ada.creates() for _ in range(6)))

    assert sorted(answer.status for answer in answers) == [201, *[403] * 5]


async def test_restoring_one_card_at_the_same_time_takes_one_place(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    await ada.ask("DELETE", path)

    answers = await asyncio.gather(*(ada.ask("POST", path + "/restore") for _ in range(6)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert 200 in {answer.status for answer in answers}
    assert (await ada.creates()).status == 403
    await ada.ask("DELETE", path)
    assert (await ada.creates()).status == 201


async def test_after_a_downgrade_only_new_cards_are_refused(world: Any) -> None:
    ada = await world.entitled(cards=3)
    paths = [await ada.has(name=f"Ada {n}") for n in range(3)]

    limits = {"limits": {"cards.max": 1}}
    await world.hear("billing.entitlements_changed.v1", ada.account, limits, version=2)

    assert [(await ada.ask("GET", path)).status for path in paths] == [200] * 3
    assert (await ada.ask("PATCH", paths[0], {"title": "Still mine"})).status == 200
    assert "1 card;" in (await ada.creates()).body["detail"]
    for path in paths[:2]:
        await ada.ask("DELETE", path)
        assert (await ada.creates()).status == 403
    await ada.ask("DELETE", paths[2])
    assert (await ada.creates()).status == 201


async def test_an_entitlement_that_says_nothing_of_cards_leaves_one(world: Any) -> None:
    ada = await world.entitled(cards=9)

    nothing: dict[str, Any] = {"limits": {}}
    await world.hear("billing.entitlements_changed.v1", ada.account, nothing, version=2)

    assert [(await ada.creates()).status for _ in range(2)] == [201, 403]


async def test_a_rebuild_neither_counts_again_nor_minds_a_downgrade(world: Any) -> None:
    ada = await world.entitled(cards=2)
    paths = [await ada.has(handle=f"rebuilt-{n}") for n in range(2)]
    await ada.ask("PATCH", paths[0], {"handle": None})
    await world.caller().has(handle="rebuilt-0")
    limits = {"limits": {"cards.max": 1}}
    await world.hear("billing.entitlements_changed.v1", ada.account, limits, version=2)
    kernel = world.kernel

    for read_model in DECLARATION.read_models:
        await rebuild(kernel.database, kernel.store, read_model)
        assert (await compare(kernel.database, kernel.store, read_model)).differences == 0

    assert await total(ada) == 2
    assert (await ada.creates()).status == 403
