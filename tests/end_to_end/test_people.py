"""Through the gateway: profiles, pictures, links of mails, and those who look after accounts."""

import asyncio
import os
import sys
from io import BytesIO
from typing import Any

import aiohttp
import pytest
import vobject
from common.testing.waiting import eventually
from PIL import Image

from tests.end_to_end.mails import link_in_a_mail

pytestmark = pytest.mark.integration

PASSWORD = "a long enough secret"
USERS = "/api/v1/admin/users"


async def call(
    session: aiohttp.ClientSession, method: str, path: str, **how: Any
) -> tuple[int, Any, dict[str, str]]:
    async with session.request(method, path, **how) as response:
        is_json = "json" in response.headers.get("Content-Type", "")
        body = await (response.json() if is_json else response.read())
        return response.status, body, {k.lower(): v for k, v in response.headers.items()}


async def registered(session: aiohttp.ClientSession, email: str) -> tuple[str, dict[str, str]]:
    who = {"email": email, "password": PASSWORD, "name": "Somebody"}
    status, body, _ = await call(session, "POST", "/api/v1/auth/register", json=who)
    assert status == 201, body
    return body["user"]["id"], {"Authorization": f"Bearer {body['access_token']}"}


def picture(colour: str) -> dict[str, Any]:
    buffer = BytesIO()
    Image.new("RGB", (80, 80), colour).save(buffer, "PNG")
    form = aiohttp.FormData()
    form.add_field("avatar", buffer.getvalue(), filename="me.png")
    return {"data": form}


async def test_a_picture_is_kept_by_the_gateway_until_another_one_is_shown(embedded: Any) -> None:
    session = embedded.session
    id, me = await registered(session, "amy@example.org")
    path = f"/api/v1/users/{id}/avatar"
    assert (await call(session, "GET", path))[0] == 404
    status, body, _ = await call(session, "POST", "/auth/avatar", headers=me, **picture("red"))
    assert (status, body["avatar_url"]) == (200, embedded.url + path)

    async def kept() -> bool:
        return "hit" in (await call(session, "GET", path))[2].get("cache-status", "")

    await eventually(kept, what="a kept picture")
    _, red, headers = await call(session, "GET", path)
    known = {"If-None-Match": headers["etag"]}
    assert (await call(session, "GET", path, headers=known))[0] == 304
    await call(session, "POST", "/api/v1/auth/avatar", headers=me, **picture("blue"))
    _, blue, _ = await call(session, "GET", path)
    assert blue != red
    for address in ("/api/v1/profiles/me", "/api/v1/user/profile"):
        _, profile, _ = await call(session, "GET", address, headers=me)
        assert profile["avatar_url"] == embedded.url + path

    too_large = {"data": BytesIO(bytes(3 * 1024 * 1024)), "headers": me}
    status, problem, _ = await call(session, "POST", "/api/v1/auth/avatar", **too_large)
    assert (status, problem["code"]) == (413, "body_too_large")
    await a_contact_shows_the_picture_while_its_owner_does(session, me)


async def a_contact_shows_the_picture_while_its_owner_does(
    session: aiohttp.ClientSession, me: dict[str, str]
) -> None:
    """They show a blue one already, and make their first card now."""
    card = {"name": "Ann Onym", "title": "Tester", "email": "ann@example.org"}
    _, made, _ = await call(session, "POST", "/api/v1/cards/", json=card, headers=me)
    contact, view = f"/api/v1/cards/{made['id']}/vcard", f"/view/{made['slug']}"

    async def shows(colour: tuple[int, int, int] | None) -> None:
        async def so() -> bool:
            body = (await call(session, "GET", contact))[1]
            photo = vobject.readOne(body.decode()).contents.get("photo")
            if colour is None or photo is None:
                return colour is None and photo is None
            with Image.open(BytesIO(photo[0].value)) as found:
                near = zip(found.getpixel((40, 40)), colour, strict=True)
                return found.format == "JPEG" and all(abs(a - b) < 16 for a, b in near)

        await eventually(so, within=60, what=f"a contact that shows {colour}")
        page = (await call(session, "GET", view))[1]
        assert (b"/portrait.jpg" in page) is (colour is not None)
        shown = await call(session, "GET", view + "/portrait.jpg")
        assert shown[0] == (404 if colour is None else 200)

    await shows((0, 0, 255))
    await call(session, "POST", "/api/v1/auth/avatar", headers=me, **picture("red"))
    await shows((255, 0, 0))
    await call(session, "DELETE", "/api/v1/auth/avatar", headers=me)
    await shows(None)


async def test_a_profile_is_never_older_than_what_its_owner_wrote(embedded: Any) -> None:
    session = embedded.session
    _, me = await registered(session, "bob@example.org")
    path = "/api/v1/user/profile"
    for n in range(5):
        change = {"company": f"Company {n}", "name": f"Bob {n}"}
        await call(session, "PATCH", path, json=change, headers=me)
        _, profile, _ = await call(session, "GET", path, headers=me)
        assert {"company": profile["company"], "name": profile["name"]} == change
        _, account, _ = await call(session, "GET", "/api/v1/auth/me", headers=me)
        assert account["name"] == change["name"]


async def administrator(embedded: Any) -> dict[str, str]:
    """Made by the command line, as whoever operates the system does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cartulary.main", "admin", "create", "--email", "ops@example.org"),
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(embedded.mail.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return await logged_in(embedded.session, "ops@example.org", out.decode().strip())


async def logged_in(
    session: aiohttp.ClientSession, email: str, password: str = PASSWORD
) -> dict[str, str]:
    who = {"email": email, "password": password}
    status, body, _ = await call(session, "POST", "/api/v1/auth/login", json=who)
    assert status == 200, body
    return {"Authorization": f"Bearer {body['access_token']}"}


async def answered(session: aiohttp.ClientSession, headers: dict[str, str], status: int) -> None:
    """Wait until this caller is answered so."""

    async def so() -> bool:
        return (await call(session, "GET", "/api/v1/auth/me", headers=headers))[0] == status

    await eventually(so, within=180, what=f"a {status}")


async def test_administrators_look_after_accounts(embedded: Any) -> None:
    """CP-14, MP-05, PG-03."""
    session = embedded.session
    root = await administrator(embedded)
    id, ann = await registered(session, "ann@example.org")
    assert (await call(session, "GET", USERS, headers=ann))[0] == 403
    _, found, _ = await call(session, "GET", f"{USERS}?email=ANN@example.org", headers=root)
    assert [user["id"] for user in found["items"]] == [id]

    status, body, _ = await call(session, "POST", f"{USERS}/{id}/suspend", headers=root)
    assert (status, body["status"]) == (200, "suspended")
    await answered(session, ann, 403)
    who = {"email": "ann@example.org", "password": PASSWORD}
    assert (await call(session, "POST", "/api/v1/auth/login", json=who))[0] == 403
    assert (await call(session, "POST", f"{USERS}/{id}/activate", headers=root))[0] == 200
    ann = await logged_in(session, "ann@example.org")

    roles = {"json": {"roles": ["user", "support"]}, "headers": root}
    assert (await call(session, "PUT", f"{USERS}/{id}/roles", **roles))[0] == 200
    await answered(session, ann, 401)
    support = await logged_in(session, "ann@example.org")
    assert (await call(session, "GET", f"{USERS}/{id}", headers=support))[0] == 200
    assert (await call(session, "POST", f"{USERS}/{id}/suspend", headers=support))[0] == 403
    _, trail, _ = await call(session, "GET", f"{USERS}/{id}/activity", headers=support)
    assert {"account_suspended", "account_activated", "roles_set"} <= {
        entry["what"] for entry in trail["items"]
    }


async def test_opening_a_link_changes_nothing_and_its_button_does(embedded: Any) -> None:
    session = embedded.session
    _, me = await registered(session, "cleo@example.org")
    link = await link_in_a_mail(embedded.mail, "cleo@example.org", "verify")
    token = link.partition("#token=")[2]

    status, page, _ = await call(session, "GET", f"/verify?token={token}")
    assert (status, b"data-page" in page) == (200, True)
    _, account, _ = await call(session, "GET", "/api/v1/auth/me", headers=me)
    assert account["email_verified"] is False

    spent = {"json": {"token": token}}
    assert (await call(session, "POST", "/api/v1/auth/email/verify", **spent))[0] == 204
    _, account, _ = await call(session, "GET", "/api/v1/auth/me", headers=me)
    assert account["email_verified"] is True
