"""The picture of an owner on all their cards: as auth tells it, once, and gone with them."""

import asyncio
from base64 import b64decode, b64encode
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
import vobject
from cards.cards.decider import CARD
from cards.cards.examples import CREATE
from cards.consumed_events import LARGEST_PORTRAIT
from cards.declaration import DECLARATION
from common.clock import SystemClock
from common.event_store import Cause
from common.ids import uuid7
from common.inbox import TRANSIENT
from common.messages import Envelope, event_id
from common.parking import list_parked
from common.testing.waiting import eventually
from common.view_checks import compare
from PIL import Image

GOLDEN = (Path(__file__).parents[1] / "golden" / "portrait.jpg").read_bytes()
ERASED = "auth.account_erased.v1"


def jpeg(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()


RED, BLUE = (jpeg(Image.new("RGB", (64, 64), colour)) for colour in ("red", "blue"))
NOISE = jpeg(Image.frombytes("L", (64, 64), Random(7).randbytes(64 * 64)))
"""No piece of it stands in any other picture."""


def told(account: UUID, picture: bytes | None, version: int) -> bytes:
    """The message of a change, as often as it is asked for the same one."""
    stream = f"profile-{account}"
    portrait = None if picture is None else b64encode(picture).decode()
    envelope = Envelope(
        id=event_id("auth", stream, version),
        source="auth",
        type="auth.avatar_changed.v1",
        stream=stream,
        version=version,
        prev=version - 1,
        time=SystemClock().now(),
        data={"account_id": str(account), "shown": picture is not None, "portrait": portrait},
    )
    return envelope.to_bytes()


async def shows(person: Any, picture: bytes | None, version: int = 1) -> None:
    """The message arrives, and comes again after trouble that passes, as from the broker."""
    while True:
        try:
            await person.world.worker.inbox.handle([told(person.account, picture, version)])
        except TRANSIENT:
            continue
        return


async def photo(person: Any, path: str) -> bytes | None:
    """What a telephone takes out of the contact."""
    answer = await person.ask("GET", path + "/vcard")
    assert answer.status == 200, answer.body
    card = vobject.readOne(answer.body.decode())
    return card.photo.value if "photo" in card.contents else None


async def version_of(person: Any, path: str) -> int:
    return int((await person.ask("GET", path)).headers["etag"].strip('"'))


async def slug_of(person: Any, path: str) -> str:
    slug: str = (await person.ask("GET", path)).body["slug"]
    return slug


async def test_all_cards_show_the_picture_those_in_the_trash_and_later_ones_too(world: Any) -> None:
    ada = await world.entitled(cards=5)
    live, trashed = await ada.has(), await ada.has()
    await ada.ask("DELETE", trashed)

    await shows(ada, GOLDEN)

    later = await ada.has()
    await ada.ask("POST", trashed + "/restore")
    assert [await photo(ada, path) for path in (live, trashed, later)] == [GOLDEN] * 3
    assert [await version_of(ada, path) for path in (live, trashed, later)] == [2, 4, 1]
    assert await photo(world.caller(), await world.caller().has()) is None


async def test_a_page_shows_the_picture_and_caches_hear_of_another(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    view = f"/view/{await slug_of(ada, path)}"
    places = (view, view + "/share.png", path + "/vcard", path + "/vcard?version=4.0")
    before = [await world.ask("GET", place) for place in places]
    assert (await world.ask("GET", view + "/portrait.jpg")).status == 404

    await shows(ada, RED)

    after = [await world.ask("GET", place) for place in places]
    for old, new in zip(before, after, strict=True):
        assert old.headers["etag"] != new.headers["etag"]
        assert old.body != new.body
    assert b'src="' + view.encode() + b'/portrait.jpg" alt="Portrait of Ada' in after[0].body
    picture = await world.ask("GET", view + "/portrait.jpg")
    assert (picture.status, picture.body) == (200, RED)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-tags"] == before[0].headers["cache-tags"]
    known = {"If-None-Match": picture.headers["etag"]}
    assert (await world.ask("GET", view + "/portrait.jpg", headers=known)).status == 304
    await shows(ada, BLUE, version=2)
    again = await world.ask("GET", view + "/portrait.jpg", headers=known)
    assert (again.status, again.body) == (200, BLUE)


async def test_a_message_has_its_effect_once_and_an_older_one_none(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    first, second = told(ada.account, RED, 1), told(ada.account, BLUE, 2)

    for batch in ([first], [first], [first, second], [second], [first]):
        await world.worker.inbox.handle(batch)

    assert await photo(ada, path) == BLUE
    assert await version_of(ada, path) == 3
    history = (await ada.ask("GET", path + "/history")).body["items"]
    assert [(moment["version"], moment["what"]) for moment in history] == [
        *((3, "portrait_changed"), (2, "portrait_changed"), (1, "created"))
    ]


async def test_undo_and_a_rebuild_leave_the_picture(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    await shows(ada, RED)
    await ada.ask("PATCH", path, {"title": "Wrong"})

    assert (await ada.ask("POST", path + "/undo", {"version": 1})).status == 200

    assert await photo(ada, path) == RED
    for read_model in DECLARATION.read_models:
        comparison = await compare(world.kernel.database, world.kernel.store, read_model)
        assert not comparison.differences, read_model.name


async def test_who_shows_no_picture_any_more_has_none_on_any_card(world: Any) -> None:
    ada = await world.entitled(cards=3)
    before = await ada.has()
    await shows(ada, RED)
    later = await ada.has()
    slug = await slug_of(ada, later)

    await shows(ada, None, version=2)

    assert [await photo(ada, path) for path in (before, later)] == [None, None]
    assert [await version_of(ada, path) for path in (before, later)] == [3, 2]
    assert (await world.ask("GET", f"/view/{slug}/portrait.jpg")).status == 404
    assert b"monogram" in (await world.ask("GET", f"/view/{slug}")).body


async def test_a_private_card_shows_no_picture_until_it_is_public(world: Any) -> None:
    ada = world.caller()
    path = await ada.has(visibility="private")
    slug = await slug_of(ada, path)
    await shows(ada, RED)

    assert await photo(ada, path) is None
    assert (await world.ask("GET", f"/view/{slug}/portrait.jpg")).status == 404
    await ada.ask("PATCH", path, {"visibility": "unlisted"})
    assert await photo(ada, path) == RED
    assert (await world.ask("GET", f"/view/{slug}/portrait.jpg")).body == RED


async def test_a_card_that_is_being_made_hears_of_the_picture_too(world: Any) -> None:
    """Else a cache that has its page already would keep the one without the picture."""
    ada, id, now = world.caller(), uuid7(), SystemClock().now()
    command = replace(CREATE, card_id=id, actor_id=ada.account, slug=str(id), handle=None)
    async with world.kernel.database.transaction() as transaction:
        cause = Cause(uuid7(), now)
        await world.kernel.commands.handle_in(transaction, CARD, id, command, cause)
        arriving = asyncio.create_task(shows(ada, RED))

        async def waits_or_is_done() -> bool:
            async with world.kernel.database.reader() as reader:
                waits = await reader.connection.fetchval(
                    "select exists (select from pg_locks where not granted)"
                )
            return waits or arriving.done()

        await eventually(waits_or_is_done, within=14, what="the message at the owner's row")
    await arriving

    assert await photo(ada, f"/api/v1/cards/{id}") == RED
    assert await version_of(ada, f"/api/v1/cards/{id}") == 2


async def test_cards_can_be_deleted_and_restored_while_the_picture_changes(world: Any) -> None:
    ada = await world.entitled(cards=9)
    paths = [await ada.has() for _ in range(6)]

    for n in (1, 3):
        answers = await asyncio.gather(
            *(ada.ask("DELETE", path) for path in paths), shows(ada, RED, version=n)
        )
        assert {answer.status for answer in answers[:-1]} <= {204, 409}
        back = [ada.ask("POST", path + "/restore") for path in paths]
        answers = await asyncio.gather(*back, shows(ada, BLUE, version=n + 1))
        assert {answer.status for answer in answers[:-1]} <= {200, 409}

    for path in paths:
        await ada.ask("POST", path + "/restore")
        assert await photo(ada, path) == BLUE


async def everywhere(world: Any) -> str:
    async with world.kernel.database.owner() as owner:
        names = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
        found = [await owner.fetch(f'select t::text from "{row["tablename"]}" t') for row in names]
    return "\n".join(row[0] for rows in found for row in rows)


def traces(text: str) -> int:
    """How often a piece of the picture stands there, as bytes or in base64."""
    piece = NOISE[900:960]
    return sum(text.count(form) for form in (piece.hex(), b64encode(piece).decode()))


async def test_the_picture_goes_with_its_owner_and_a_late_one_stays_away(world: Any) -> None:
    ada, eve = world.caller(), world.caller()
    path = await ada.has(handle="portrayed")
    await shows(ada, NOISE)
    assert traces(await everywhere(world)) == 1, "once for all cards, and never in the log"

    await world.hear(ERASED, ada.account)

    assert traces(await everywhere(world)) == 0
    for place in (path + "/vcard", "/view/portrayed", "/view/portrayed/portrait.jpg"):
        assert (await world.ask("GET", place)).status == 404
    await shows(ada, NOISE, version=2)
    await asyncio.gather(shows(eve, NOISE), world.hear(ERASED, eve.account))
    assert traces(await everywhere(world)) == 0


async def test_an_owner_hears_that_their_picture_is_held(world: Any) -> None:
    ada = world.caller()
    secret = world.settings.internal_secret.get_secret_value()
    ask = {"headers": {"Authorization": f"Bearer {secret}"}}
    where = f"/internal/personal-data/{ada.account}"
    assert (await world.ask("GET", where, **ask)).body["portrait"] is None

    await shows(ada, GOLDEN)

    held = (await world.ask("GET", where, **ask)).body["portrait"]
    assert held["content_type"] == "image/jpeg"
    assert b64decode(held["base64"]) == GOLDEN


@pytest.mark.parametrize(
    "picture", [b"<svg/>", b"", RED + bytes(LARGEST_PORTRAIT)], ids=["svg", "empty", "too large"]
)
async def test_what_is_no_portrait_is_parked_and_nothing_shown(world: Any, picture: bytes) -> None:
    ada = world.caller()
    path = await ada.has()

    await shows(ada, picture)

    parked = [row["stream"] for row in await list_parked(world.kernel.database)]
    assert f"profile-{ada.account}" in parked
    assert await photo(ada, path) is None


async def test_a_picture_of_somebody_without_cards_is_kept_for_the_first(world: Any) -> None:
    ada = world.caller(account=uuid7())

    await shows(ada, RED)

    assert await photo(ada, await ada.has()) == RED
    assert (await ada.creates()).status == 403, "the allowance is what it was"
