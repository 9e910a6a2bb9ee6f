"""When an account is erased, its cards and all that they ever said go, whatever is under way."""

import asyncio
from typing import Any

from cards.cards.read_model import cards
from cards.declaration import DECLARATION
from common.read_models import rebuild

SECRET = "Only Once Written"
ERASED = "auth.account_erased.v1"


async def everywhere(world: Any) -> str:
    """All that the service's tables hold, as one text."""
    async with world.kernel.database.owner() as owner:
        names = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
        found = [await owner.fetch(f'select t::text from "{row["tablename"]}" t') for row in names]
    return "\n".join(row[0] for rows in found for row in rows)


async def test_nothing_that_a_card_said_is_left(world: Any) -> None:
    ada = await world.entitled(cards=3)
    live = await ada.has(name=SECRET, handle="only-once", phones=[{"number": "+1 555 0100"}])
    trashed = await ada.has(name=SECRET)
    await ada.ask("DELETE", trashed)
    await ada.ask("PATCH", live, {"title": SECRET}, Idempotency_Key="kept")
    assert SECRET in await everywhere(world)

    await world.hear(ERASED, ada.account)

    kept = await everywhere(world)
    for words in (SECRET, "only-once", "555 0100", "ada@example.org"):
        assert words not in kept
    assert str(ada.account) in kept
    for path in (live, trashed):
        assert (await world.ask("GET", path + "/vcard")).status == 404
    assert (await world.ask("GET", "/view/only-once")).status == 404
    assert (await world.caller().creates(handle="only-once")).status == 201
    for read_model in DECLARATION.read_models:
        await rebuild(world.kernel.database, world.kernel.store, read_model)
    assert SECRET not in await everywhere(world)


async def test_whoever_is_erased_gets_no_card_any_more(world: Any) -> None:
    ada = await world.entitled(cards=50)

    *answers, _ = await asyncio.gather(
        *(ada.creates(name=SECRET) for _ in range(20)), world.hear(ERASED, ada.account)
    )

    assert {answer.status for answer in answers} <= {201, 403}
    assert (await ada.creates()).status == 403
    rows = f"select count(*) from {cards.name} where owner_id = $1"
    async with world.kernel.database.reader() as reader:
        assert await reader.connection.fetchval(rows, ada.account) == 0
    more = {"limits": {"cards.max": 9}}
    await world.hear("billing.entitlements_changed.v1", ada.account, more, version=2)
    assert (await ada.creates()).status == 403
