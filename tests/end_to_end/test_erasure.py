"""Who leaves is gone from every table, queue, folder and log, in all services; the log stays whole.

Searched for is the plain text, and a piece of the picture, as it is, in hexadecimal and in base64,
and the search is shown to find it while the person is there.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import aio_pika
import aiohttp
import asyncpg
import pytest
from auth.avatar_drawing import draw
from common.testing.processes import forked
from common.testing.waiting import eventually
from PIL import Image

pytestmark = pytest.mark.integration

PASSWORD = "a long enough secret"
ZOE = {
    "email": "zoe.quillfeather@example.org",
    "username": "quillfeather",
    "name": "Zoe Quillfeather",
    "password": PASSWORD,
    "locale": "fr",
}
PROFILE = {
    "company": "Quillfeather Marbled Papers",
    "billing_address": {"line1": "77 Endpaper Row", "city": "Vellumbury", "country": "GB"},
    "vat_number": "GB987654321",
    "phone": "+44 1632 960961",
    "preferences": {"motto": "sewn not glued"},
}
CARD = {
    "name": "Zoe Quillfeather",
    "title": "Marbler",
    "email": "zoe.quillfeather@example.org",
    "bio": "I marble papers by the river Inkwash.",
    "handle": "quillfeather",
    "phones": [{"number": "+44 1632 960961", "label": "Inkwash works"}],
}
DEVICE = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 Inkwash/7"
PICTURE = Image.frombytes("RGB", (64, 64), Random(7).randbytes(3 * 64 * 64))
SECRETS = (
    *("quillfeather", "Endpaper Row", "Vellumbury", "GB987654321", "1632 960961", "1632960961"),
    *("sewn not glued", "Marbler", "Inkwash", "zoe.elsewhere"),
)
"""What may be nowhere afterwards; upper and lower case are the same."""


async def call(system: Any, method: str, path: str, **how: Any) -> tuple[int, Any]:
    headers = {"User-Agent": DEVICE, **how.pop("headers", {})}
    async with system.session.request(method, path, headers=headers, **how) as response:
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, await (response.json() if is_json else response.read())


def picture() -> bytes:
    buffer = BytesIO()
    PICTURE.save(buffer, "PNG")
    return buffer.getvalue()


async def lived_in(system: Any) -> dict[str, str]:
    """Somebody who has used all there is; the headers of their session."""
    keyed = {"Idempotency-Key": "first"}
    status, body = await call(system, "POST", "/api/v1/auth/register", json=ZOE, headers=keyed)
    assert status == 201, body
    me = {"Authorization": f"Bearer {body['access_token']}"}
    form = aiohttp.FormData()
    form.add_field("avatar", picture(), filename="zoe.png")
    elsewhere = {"email": "zoe.elsewhere@example.org", "password": PASSWORD}
    asked: list[tuple[str, str, dict[str, Any], int]] = [
        ("PUT", "/api/v1/user/profile", {"json": {**PROFILE, "name": ZOE["name"]}}, 200),
        ("POST", "/api/v1/auth/avatar", {"data": form}, 200),
        ("POST", "/api/v1/cards/", {"json": CARD}, 201),
        ("POST", "/api/v1/auth/password/forgot", {"json": {"email": ZOE["email"]}}, 202),
        ("POST", "/api/v1/auth/email/change", {"json": elsewhere}, 202),
        ("PATCH", "/api/v1/auth/me", {"json": {"name": "Zoe Q. Quillfeather"}}, 200),
        ("POST", "/api/v1/auth/login", {"json": ZOE}, 200),
    ]
    for n, (method, path, how, expected) in enumerate(asked):
        headers = {**me, "Idempotency-Key": f"key {n}"}
        status, body = await call(system, method, path, headers=headers, **how)
        assert status == expected, (path, body)
    return me


def forms(secret: str) -> list[str]:
    """The text as it may stand in a dump: plain, as PostgreSQL shows bytes, and in base64."""
    written = {secret.encode(), secret.lower().encode()}
    return [secret.casefold(), *(form for text in written for form in forms_of_bytes(text))]


def forms_of_bytes(written: bytes) -> list[str]:
    # whatever stands before it shifts base64; the middle of each of three shifts is the same
    shifts = (b64encode(b"x" * before + written).decode() for before in range(3))
    middles = (shift[4 if n else 0 : -4].casefold() for n, shift in enumerate(shifts))
    # four letters of base64 also come by chance
    return [written.hex(), *(middle for middle in middles if len(middle) >= 8)]


PORTRAIT = "a piece of the portrait"
FORMS = {secret: forms(secret) for secret in SECRETS}
FORMS[PORTRAIT] = forms_of_bytes(draw(picture()).portrait[900:960])


def leaks(text: str) -> set[str]:
    folded = text.casefold()
    return {secret for secret, found in FORMS.items() if any(form in folded for form in found)}


async def leaks_in_tables(dsn: str) -> dict[str, set[str]]:
    """Per table what stands in any row of it."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "select table_schema, table_name from information_schema.tables"
            " where table_type = 'BASE TABLE'"
            " and table_schema not in ('pg_catalog', 'information_schema')"
        )
        found = {}
        for schema, name in tables:
            rows = await connection.fetch(f'select t::text as row from "{schema}"."{name}" as t')
            if here := leaks("\n".join(row["row"] for row in rows)):
                found[name] = here
        return found
    finally:
        await connection.close()


def leaks_in_files(folder: Path) -> dict[str, set[str]]:
    files = (file for file in folder.rglob("*") if file.is_file())
    texts = {file.name: file.read_bytes().decode("utf-8", "replace") for file in files}
    return {name: here for name, text in texts.items() if (here := leaks(text))}


@asynccontextmanager
async def overheard(amqp_url: str) -> AsyncIterator[list[str]]:
    """Every message that is published meanwhile, as it is on the wire."""
    heard: list[str] = []
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("cartulary.events", "#")

        async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            async with message.process():
                heard.append(f"{message.headers} {message.routing_key} {message.body.decode()}")

        await queue.consume(hear)
        yield heard


async def mails(system: Any, at_least: int) -> None:
    async def there() -> bool:
        return len(list(system.mail.glob("*.eml"))) >= at_least

    await eventually(there, within=180, what="the mails")


async def answered_with(system: Any, status: int) -> None:
    """Wait until whoever asks for the card's picture is answered so."""

    async def so() -> bool:
        path = f"/view/{CARD['handle']}/portrait.jpg"
        return (await call(system, "GET", path))[0] == status

    await eventually(so, within=60, what=f"a {status} for the picture")


async def erase(system: Any, me: dict[str, str]) -> None:
    """Leave, and wait until all of it has happened."""
    status, body = await call(
        system, "DELETE", "/api/v1/auth/me", json={"password": PASSWORD}, headers=me
    )
    assert status == 204, body

    async def done() -> bool:
        tables = [await leaks_in_tables(dsn) for dsn in system.dsns.values()]
        folders = (system.mail, system.files)
        kept = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
        return not any([*tables, *kept])

    await eventually(done, within=180, what="the end of every trace")


async def verified(system: Any, output: Path) -> None:
    """Every hash chain is whole."""
    environment = {f"{name.upper()}_DATABASE_URL": dsn for name, dsn in system.dsns.items()}
    with forked(["cartulary.main", "events", "verify"], environment, output) as checked:
        assert await asyncio.to_thread(checked.child.wait, 120) == 0, checked.said()


async def test_nothing_is_left_of_who_leaves(distributed: Any, tmp_path: Path) -> None:
    system = distributed
    async with overheard(system.amqp_url) as heard:
        me = await lived_in(system)
        await mails(system, at_least=4)
        await answered_with(system, 200)
        status, export = await call(system, "GET", "/api/v1/auth/me/export", headers=me)
        assert (status, export["partial"]) == (200, [])
        assert leaks(json.dumps(export)) >= {"quillfeather", "Vellumbury", "Marbler", PORTRAIT}
        found = [await leaks_in_tables(dsn) for dsn in system.dsns.values()]
        assert found[0].keys() >= {"accounts", "profiles"}
        assert found[1].keys() >= {"cards", "portraits"}
        assert "events" not in found[0].keys() | found[1].keys(), "the log never holds it in clear"
        assert leaks_in_files(system.mail)

        await erase(system, me)
        await answered_with(system, 404)

    assert heard
    assert leaks("\n".join(heard)) == set(), "nor does any queue"
    assert leaks_in_files(system.mail.parent) == {}, "nor any log"
    await verified(system, tmp_path / "verify.txt")
    status, body = await call(system, "POST", "/api/v1/auth/register", json=ZOE)
    assert status == 201, body
