"""What a newcomer does, through the gateway: an account, a card, its page, and leaving again."""

import io
from typing import Any

import aiohttp
import pytest
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

ANN = {"email": "ann@example.org", "password": "a long enough secret", "name": "Ann Onym"}
REGISTER = "/api/v1/auth/register"
CARD = {
    "name": "Ann Onym",
    "title": "Tester",
    "email": "ann@example.org",
    "phone": "+49 30 1234567",
    "website": "https://example.org",
}

MORE = {"handle": "zoe", "phones": [{"number": "+49 30 7654321", "label": "work"}]}


async def call(
    session: aiohttp.ClientSession, method: str, path: str, **how: Any
) -> tuple[int, Any, dict[str, str]]:
    async with session.request(method, path, **how) as response:
        is_json = "json" in response.headers.get("Content-Type", "")
        body = await (response.json() if is_json else response.text())
        return response.status, body, {k.lower(): v for k, v in response.headers.items()}


async def registered(session: aiohttp.ClientSession, who: dict[str, str]) -> dict[str, str]:
    status, body, _ = await call(session, "POST", "/api/v1/auth/register", json=who)
    assert status == 201, body
    return {"Authorization": f"Bearer {body['access_token']}"}


async def test_from_the_first_account_to_the_last_goodbye(system: Any) -> None:
    session = system.session
    ann = await registered(session, ANN)
    status, body, _ = await call(session, "POST", "/api/v1/auth/login", json=ANN)
    assert (status, body["user"]["email"]) == (200, ANN["email"])

    status, card, headers = await call(session, "POST", "/api/v1/cards/", json=CARD, headers=ann)
    assert (status, headers["etag"]) == (201, '"1"')
    path, view = f"/api/v1/cards/{card['id']}", f"/view/{card['id']}"

    await cached(session, view)
    status, changed, _ = await call(
        session, "PATCH", path, json={"title": "Chief"}, headers={**ann, "If-Match": '"1"'}
    )
    assert (status, changed["title"]) == (200, "Chief")
    status, page, headers = await call(session, "GET", view)
    assert "Chief" in page
    assert "hit" not in headers["cache-status"]

    _, listed, _ = await call(session, "GET", "/api/v1/cards", headers=ann)
    assert [item["id"] for item in listed["items"]] == [card["id"]]
    status, contact, _ = await call(session, "GET", path + "/vcard")
    assert "FN:Ann Onym" in contact
    assert (await call(session, "DELETE", path, headers=ann))[0] == 204
    assert (await call(session, "DELETE", path, headers=ann))[0] == 204
    assert (await call(session, "GET", path, headers=ann))[0] == 404
    assert (await call(session, "GET", view))[0] == 404
    assert (await call(session, "POST", path + "/restore", headers=ann))[0] == 200

    await greeted(system)
    await erased(session, ann, view)


async def test_a_cards_address_its_readers_and_its_past(embedded: Any) -> None:
    session = embedded.session
    zoe = await registered(session, {**ANN, "email": "zoe@example.org"})
    _, card, _ = await call(session, "POST", "/api/v1/cards", json={**CARD, **MORE}, headers=zoe)
    path = f"/api/v1/cards/{card['id']}"

    status, second, _ = await call(session, "POST", "/api/v1/cards", json=CARD, headers=zoe)
    assert (status, second["code"]) == (403, "card_limit_reached")
    for key in (card["id"], card["slug"], "zoe"):
        await cached(session, f"/view/{key}")
    status, contact, _ = await call(session, "GET", path + "/vcard?version=4.0")
    assert "TEL;TYPE=WORK:+49 30 7654321" in contact
    assert f"URL:{embedded.url}/view/{card['slug']}" in contact

    await call(session, "PATCH", path, json={"handle": "zoe-2", "title": "Boss"}, headers=zoe)
    assert (await call(session, "GET", "/view/zoe"))[0] == 404
    status, page, _ = await call(session, "GET", "/view/zoe-2")
    assert (status, "Boss" in page) == (200, True)
    await call(session, "PATCH", path, json={"visibility": "private"}, headers=zoe)
    for key in (card["id"], card["slug"], "zoe-2"):
        assert (await call(session, "GET", f"/view/{key}"))[0] == 404

    _, history, _ = await call(session, "GET", path + "/history?limit=2", headers=zoe)
    assert [moment["version"] for moment in history["items"]] == [4, 3]
    status, undone, _ = await call(
        session, "POST", path + "/undo", json={"version": 1}, headers=zoe
    )
    assert (status, undone["title"], undone["visibility"]) == (200, "Tester", "private")
    for method, admins in (("GET", "cards"), ("POST", f"restore_card/{card['id']}")):
        refused = await call(session, method, f"/api/v1/admin/{admins}", headers=zoe)
        assert (refused[0], refused[1]["code"]) == (403, "forbidden")


async def cached(session: aiohttp.ClientSession, path: str) -> None:
    """Read until the gateway answers by itself: right after a change it may not yet."""

    async def hit() -> bool:
        _, _, headers = await call(session, "GET", path)
        return "hit" in headers.get("cache-status", "")

    await eventually(hit, what="a cached page")


async def greeted(system: Any) -> None:
    async def mailed() -> bool:
        return any("ann@example.org" in file.read_text() for file in system.mail.glob("*.eml"))

    await eventually(mailed, what="the greeting")


async def erased(session: aiohttp.ClientSession, ann: dict[str, str], view: str) -> None:
    """Leaving needs the password, takes the cards along, and frees the address."""
    await cached(session, view)
    wrong = {"password": "not the right one"}
    assert (await call(session, "DELETE", "/api/v1/auth/me", json=wrong, headers=ann))[0] == 403
    status, _, _ = await call(session, "DELETE", "/api/v1/auth/me", json=ANN, headers=ann)
    assert status == 204

    async def gone() -> bool:
        return (await call(session, "GET", view))[0] == 404

    await eventually(gone, what="the end of the cards")
    assert (await call(session, "POST", "/api/v1/auth/login", json=ANN))[0] == 401
    await registered(session, ANN)


BAD_INPUT: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/v1/cards/", {"data": b"{"}, 400, "malformed_json"),
    ("POST", "/api/v1/cards/", {"json": {**CARD, "name": []}}, 422, "invalid"),
    ("POST", "/api/v1/cards/", {"json": {**CARD, "website": "javascript:x"}}, 422, "invalid"),
    ("POST", "/api/v1/cards/", {"json": {**CARD, "bio": "x" * 9_000}}, 422, "invalid"),
    ("POST", "/api/v1/cards/", {"data": lambda: io.BytesIO(b"x" * 3_000_000)}, 413, ""),
    ("GET", "/api/v1/cards/not-an-id", {}, 404, "not_found"),
    ("PATCH", "{card}", {"json": {"title": "X"}, "if_match": '"9"'}, 412, "precondition_failed"),
    ("PATCH", "{card}", {"json": {"title": "Mine"}, "who": "eve"}, 404, "not_found"),
    ("GET", "{card}", {"who": "eve"}, 404, "not_found"),
    ("GET", "{card}", {"who": "nobody"}, 401, "unauthenticated"),
    ("GET", "{card}", {"who": "forger"}, 401, "invalid_token"),
    ("GET", "/api/v1/cards/?per_page=101", {}, 422, "invalid"),
    ("GET", "/nowhere", {}, 404, "not_found"),
    ("PUT", "/view/x", {}, 405, "method_not_allowed"),
    ("POST", REGISTER, {"json": {**ANN, "email": "BOB@example.org"}}, 409, "email_taken"),
    ("POST", REGISTER, {"json": {**ANN, "password": "password1"}}, 422, "weak_password"),
    ("POST", REGISTER, {"json": {**ANN, "email": "no"}}, 422, "invalid"),
]


async def test_bad_input_gets_a_clear_problem(embedded: Any) -> None:
    session = embedded.session
    callers = {
        "bob": await registered(session, {**ANN, "email": "bob@example.org"}),
        "eve": await registered(session, {**ANN, "email": "eve@example.org"}),
        "forger": {"Authorization": "Bearer forged.token.here"},
        "nobody": {},
    }
    _, card, _ = await call(session, "POST", "/api/v1/cards/", json=CARD, headers=callers["bob"])
    for method, target, given, expected, code in BAD_INPUT:
        headers = dict(callers[given.get("who", "bob")])
        if "if_match" in given:
            headers["If-Match"] = given["if_match"]
        how = {"json": given["json"]} if "json" in given else {}
        if "data" in given:
            data = given["data"]
            how = {"data": data() if callable(data) else data}
            headers["Content-Type"] = "application/json"
        path = target.format(card=f"/api/v1/cards/{card['id']}")
        status, body, _ = await call(session, method, path, headers=headers, **how)
        assert (status, body["status"]) == (expected, expected), (method, target, body)
        assert body["request_id"]
        assert not code or body["code"] == code, (method, target, body)


async def test_a_body_with_foreign_fields_changes_nothing(embedded: Any) -> None:
    greedy = {
        **ANN,
        "email": "greta@example.org",
        "roles": ["admin"],
        "role": "admin",
        "id": "x",
        "password_hash": "y",
    }

    _, body, _ = await call(embedded.session, "POST", "/api/v1/auth/register", json=greedy)

    assert body["user"]["roles"] == ["user"]
