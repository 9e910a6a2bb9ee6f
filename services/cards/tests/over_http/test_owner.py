"""An owner's cards over HTTP: made, read, changed, deleted, restored; and what is refused."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from cards.cards.routes import SLUG_LENGTH, SLUG_LETTERS

FULL: dict[str, Any] = {
    "phone": "+44 20 7946 0958",
    "company": "Analytical Engines",
    "website": "https://example.org",
    "linkedin": "ada-lovelace",
    "instagram": "ada",
    "bio": "I write programmes.\nFor engines.",
    "address": "12 St James's Square, London",
    "phones": [{"number": "+44 20 7946 0123", "label": "work"}, {"number": "112", "label": ""}],
    "emails": [{"email": "ada@engines.example", "label": "work"}],
    "addresses": [{"address": "5 Dorset Street\nLondon", "label": "Workshop"}],
    "links": [{"url": "https://example.org/notes", "label": "Notes"}],
    "theme": "moss",
    "accent": "#7a2e1d",
    "handle": "ada",
    "visibility": "unlisted",
}


async def test_a_card_is_read_as_it_was_made(world: Any) -> None:
    """CP-04, and CP-19 in our fields."""
    ada = world.caller()

    made = await ada.creates(**FULL)

    assert (made.status, made.headers["etag"]) == (201, '"1"')
    read = await ada.ask("GET", made.headers["location"])
    assert (read.status, read.body) == (200, made.body)
    assert {name: made.body[name] for name in FULL} == FULL
    assert made.body["name"] == "Ada Lovelace"
    assert made.body["url"] == "https://cards.example/view/ada"
    assert len(made.body["slug"]) == SLUG_LENGTH
    assert set(made.body["slug"]) <= set(SLUG_LETTERS)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_card_changes_in_what_is_named_and_is_gone_after_its_deletion(
    world: Any, method: str
) -> None:
    """CP-05; 404 is the branch's answer, which we chose."""
    ada = world.caller()
    path = await ada.has(phone="1", phones=[{"number": "2", "label": "work"}])

    changed = await ada.ask(method, path, {"title": "Countess"})

    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert [changed.body[name] for name in ("name", "title", "phone")] == [
        "Ada Lovelace",
        "Countess",
        "1",
    ]
    assert changed.body["phones"] == [{"number": "2", "label": "work"}]
    emptied = await ada.ask(method, path, {"phone": None, "phones": []})
    assert (emptied.body["phone"], emptied.body["phones"]) == (None, [])
    assert (await ada.ask("DELETE", path)).status == 204
    assert (await ada.ask("DELETE", path)).status == 204
    assert (await ada.ask("GET", path)).status == 404
    assert (await ada.ask(method, path, {"title": "X"})).status == 404


async def test_a_change_of_everything_at_once_is_one_answer(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()

    changed = await ada.ask("PATCH", path, {**FULL, "handle": "all-at-once"})

    assert (changed.status, changed.headers["etag"]) == (200, '"4"')
    assert changed.body == (await ada.ask("GET", path)).body
    again = await ada.ask("PATCH", path, {**FULL, "handle": "all-at-once"})
    assert again.headers["etag"] == '"4"'


async def test_nobody_makes_a_card_without_login(world: Any) -> None:
    """CP-08."""
    answer = await world.ask("POST", "/api/v1/cards/", json={"name": "Ada"})

    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


async def test_another_persons_card_is_as_good_as_none(world: Any) -> None:
    """CP-10: 404 where the seed said 403, so that nobody learns which cards exist."""
    path = await world.caller().has()
    eve = world.caller()

    answers = [
        await eve.ask("GET", path),
        await eve.ask("PUT", path, {"title": "Mine"}),
        await eve.ask("PATCH", path, {"title": "Mine"}),
        await eve.ask("DELETE", path),
        await eve.ask("POST", path + "/restore"),
        await eve.ask("GET", path + "/history"),
        await eve.ask("POST", path + "/undo", {"version": 1}),
    ]

    assert [(answer.status, answer.body["code"]) for answer in answers] == [(404, "not_found")] * 7


async def test_the_trash_is_listed_apart_and_restored_from(world: Any) -> None:
    ada = await world.entitled(cards=3)
    paths = [await ada.has(name=f"Ada {n}") for n in range(3)]
    await ada.ask("DELETE", paths[1])

    live = (await ada.ask("GET", "/api/v1/cards/?page=1&per_page=1")).body
    trash = (await ada.ask("GET", "/api/v1/cards/?deleted=true")).body

    assert (live["total"], [card["name"] for card in live["items"]]) == (2, ["Ada 2"])
    assert (trash["total"], [card["name"] for card in trash["items"]]) == (1, ["Ada 1"])
    assert trash["items"][0]["deleted_at"]
    restored = await ada.ask("POST", paths[1] + "/restore")
    assert (restored.status, restored.body["deleted_at"]) == (200, None)
    assert (await ada.ask("POST", paths[1] + "/restore")).status == 200
    assert (await ada.ask("GET", "/api/v1/cards")).body["total"] == 3


async def test_what_is_nobodys_to_say_is_ignored(world: Any) -> None:
    foreign = str(uuid4())
    greedy = {"id": foreign, "owner_id": foreign, "slug": "mine", "url": "x", "deleted_at": "now"}
    ada = world.caller()

    made = await ada.creates(**greedy, created_at="1970-01-01T00:00:00Z")

    assert made.status == 201
    assert made.body["id"] != foreign
    assert made.body["slug"] != "mine"
    assert not made.body["created_at"].startswith("1970")
    changed = await ada.ask("PATCH", f"/api/v1/cards/{made.body['id']}", greedy)
    assert changed.body == made.body


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": {"first": "Ada"}}, "/name"),
        ({"email": "nobody"}, "/email"),
        ({"website": "javascript:alert(1)"}, "/website"),
        ({"website": "https://bank.example@evil.example"}, "/website"),
        ({"links": [{"url": "javascript:alert(1)"}]}, "/links/0/url"),
        ({"links": [{"url": "data:text/html,x"}]}, "/links/0/url"),
        ({"links": [{"url": "https://x.example/\r\nTEL:1"}]}, "/links/0/url"),
        ({"links": [{"url": "https://x.example"}] * 21}, "/links"),
        ({"links": "https://x.example"}, "/links"),
        ({"phones": [{"number": "1\r\nEMAIL:x"}]}, "/phones/0/number"),
        ({"phones": [{"number": "1", "label": "x" * 41}]}, "/phones/0/label"),
        ({"phones": [{"number": "1"}] * 11}, "/phones"),
        ({"phones": None}, "/phones"),
        ({"emails": [{"email": "nobody"}]}, "/emails/0/email"),
        ({"addresses": [{"address": ""}]}, "/addresses/0/address"),
        ({"addresses": [{"address": "x"}] * 6}, "/addresses"),
        ({"bio": "x" * 2_001}, "/bio"),
        ({"bio": "x" * 900_000}, "/bio"),
        ({"bio": "bell\u0007"}, "/bio"),
        ({"theme": "neon"}, "/theme"),
        ({"accent": "red"}, "/accent"),
        ({"accent": "url(x)"}, "/accent"),
        ({"handle": "a"}, "/handle"),
        ({"handle": "x" * 31}, "/handle"),
        ({"handle": "no/slash"}, "/handle"),
        ({"handle": "-edge"}, "/handle"),
        ({"handle": "two--hyphens"}, "/handle"),
        ({"handle": "ünlaut"}, "/handle"),
        ({"visibility": "secret"}, "/visibility"),
    ],
)
async def test_bad_input_names_its_field(world: Any, wrong: dict[str, Any], pointer: str) -> None:
    ada = world.caller()

    answer = await ada.creates(**wrong)

    assert (answer.status, answer.body["code"]) == (422, "invalid")
    assert [error["pointer"] for error in answer.body["errors"]] == [pointer]
    assert (await ada.ask("GET", "/api/v1/cards/")).body["total"] == 0


async def test_a_card_needs_name_title_and_email(world: Any) -> None:
    answer = await world.caller().ask("POST", "/api/v1/cards/", {"phone": "1"})

    assert answer.status == 422
    assert {e["pointer"] for e in answer.body["errors"]} == {"/name", "/title", "/email"}
    assert answer.body["error"]


@pytest.mark.parametrize(
    "id", ["x", "1", "..%2F..", "01990000-0000-7000-8000-0000000000ff", "\u00e9", "0" * 500]
)
async def test_an_id_that_is_no_card_is_not_found(world: Any, id: str) -> None:
    ada = world.caller()

    for method, path, body in [
        ("GET", "", None),
        ("PATCH", "", {"title": "X"}),
        ("DELETE", "", None),
        ("POST", "/restore", None),
        ("GET", "/history", None),
        ("GET", "/vcard", None),
        ("GET", "/qr", None),
    ]:
        assert (await ada.ask(method, f"/api/v1/cards/{id}{path}", body)).status == 404


async def test_an_older_version_is_not_written_over(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()

    first, second = await asyncio.gather(
        ada.ask("PATCH", path, {"title": "One"}, If_Match='"1"'),
        ada.ask("PATCH", path, {"title": "Two"}, If_Match='"1"'),
    )

    assert sorted([first.status, second.status]) == [200, 412]
    assert (await ada.ask("GET", path, If_None_Match='"2"')).status == 304


async def test_a_repeated_request_makes_one_card(world: Any) -> None:
    ada = await world.entitled(cards=5)
    requests = (ada.ask("POST", "/api/v1/cards/", ONE, Idempotency_Key="k") for _ in range(5))

    answers = await asyncio.gather(*requests)

    assert {(answer.status, answer.body["id"]) for answer in answers} == {
        (201, answers[0].body["id"])
    }
    assert (await ada.ask("GET", "/api/v1/cards/")).body["total"] == 1


ONE = {"name": "Ada", "title": "Analyst", "email": "ada@example.org"}


async def test_a_handle_is_one_cards_alone_whoever_asks_first(world: Any) -> None:
    people = [world.caller() for _ in range(8)]

    answers = await asyncio.gather(*(person.creates(handle="Wanted") for person in people))

    assert sorted(answer.status for answer in answers) == [201, *[409] * 7]
    refused = [answer.body["code"] for answer in answers if answer.status == 409]
    assert set(refused) == {"handle_taken"}
    assert {answer.body["handle"] for answer in answers if answer.status == 201} == {"wanted"}


async def test_a_handle_moves_on_when_its_card_lets_it_go(world: Any) -> None:
    ada, eve = world.caller(), world.caller()
    mine, hers = await ada.has(handle="moving"), await eve.has()

    assert (await eve.ask("PATCH", hers, {"handle": "moving"})).body["code"] == "handle_taken"
    await ada.ask("DELETE", mine)
    assert (await eve.ask("PATCH", hers, {"handle": "moving"})).body["code"] == "handle_taken"
    await ada.ask("POST", mine + "/restore")
    assert (await ada.ask("PATCH", mine, {"handle": None})).body["handle"] is None
    assert (await eve.ask("PATCH", hers, {"handle": "moving"})).body["handle"] == "moving"
    reserved = await ada.ask("PATCH", mine, {"handle": "Admin"})
    assert (reserved.status, reserved.body["code"]) == (409, "handle_reserved")


async def test_a_card_is_found_by_id_slug_and_handle_and_nobody_covers_anothers_slug(
    world: Any,
) -> None:
    made = (await world.caller().creates(name="Ada One", handle="ada-one")).body
    await world.caller().creates(name="Impostor", handle=made["slug"])

    for key in (made["id"], made["slug"], "ada-one", "ADA-ONE"):
        page = await world.ask("GET", f"/view/{key}")
        assert (page.status, b"Ada One" in page.body) == (200, True)


@pytest.mark.parametrize("key", ["nobody", "%00", "x" * 3_000, "%ED%A0%80", "a'b", "---"])
async def test_where_no_card_is_a_page_says_so(world: Any, key: str) -> None:
    """CP-18."""
    page = await world.ask("GET", f"/view/{key}")

    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_a_private_card_is_its_owners_alone(world: Any) -> None:
    """CP-18: unknown, deleted and private cards look alike."""
    ada = world.caller()
    path = await ada.has(handle="hidden", visibility="private")

    for hidden in (path + "/vcard", path + "/qr", "/view/hidden"):
        assert (await world.ask("GET", hidden)).status == 404
    assert (await world.caller().ask("GET", path + "/vcard")).status == 404
    own = await ada.ask("GET", path + "/vcard")
    assert (own.status, own.headers["cache-control"]) == (200, "private")
    await ada.ask("PATCH", path, {"visibility": "public"})
    assert (await world.ask("GET", "/view/hidden")).status == 200
    await ada.ask("DELETE", path)
    assert (await world.ask("GET", "/view/hidden")).status == 404
