"""What administrators may do with everybody's cards, and nobody else."""

import csv
import io
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from common.stream_history import history
from common.table_export import FORMULA

ADMIN = "/api/v1/admin"
EXPORT = ADMIN + "/export?model=cards"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/cards"),
        ("POST", "/restore_card/01990000-0000-7000-8000-0000000000ff"),
        ("GET", "/export?model=cards"),
    ],
)
async def test_others_are_kept_out(world: Any, method: str, path: str) -> None:
    assert (await world.ask(method, ADMIN + path)).status == 401
    refused = await world.caller("user", "support").ask(method, ADMIN + path)
    assert (refused.status, refused.body["code"]) == (403, "forbidden")


async def test_all_cards_are_listed_the_trash_apart_if_wanted(world: Any) -> None:
    """CP-14."""
    admin, ada = world.caller("admin"), await world.entitled(cards=2)
    live, gone = await ada.has(name="Live"), await ada.has(name="Gone")
    await ada.ask("DELETE", gone)

    listed = {
        deleted: (await admin.ask("GET", f"{ADMIN}/cards?per_page=100{deleted}")).body["items"]
        for deleted in ("", "&deleted=true", "&deleted=false")
    }

    def paths(deleted: str) -> set[str]:
        return {f"/api/v1/cards/{card['id']}" for card in listed[deleted]}

    assert {live, gone} <= paths("")
    assert (live in paths("&deleted=true"), gone in paths("&deleted=true")) == (False, True)
    assert (live in paths("&deleted=false"), gone in paths("&deleted=false")) == (True, False)
    assert {card["owner_id"] for card in listed[""] if card["name"] == "Live"} == {str(ada.account)}
    for query in ("page=0", "per_page=101", "deleted=perhaps"):
        assert (await admin.ask("GET", f"{ADMIN}/cards?{query}")).status == 422


async def test_an_administrator_restores_anybodys_card(world: Any) -> None:
    """CP-15."""
    admin, ada = world.caller("admin"), world.caller()
    path = await ada.has()
    restore = f"{ADMIN}/restore_card/{path.rpartition('/')[2]}"
    await ada.ask("DELETE", path)

    assert (await admin.ask("POST", restore)).status == 200
    assert (await admin.ask("POST", restore)).status == 200
    assert (await ada.ask("GET", path)).status == 200
    await ada.ask("DELETE", path)
    await ada.has(name="Another")
    refused = await admin.ask("POST", restore)
    assert (refused.status, refused.body["code"]) == (403, "card_limit_reached")
    for id in (uuid4(), "x"):
        assert (await admin.ask("POST", f"{ADMIN}/restore_card/{id}")).status == 404


async def test_an_export_has_all_cards_and_is_recorded(world: Any) -> None:
    admin, ada = world.caller("admin"), await world.entitled(cards=2)
    live, gone = await ada.has(name="Exported"), await ada.has(name="Exported too")
    await ada.ask("DELETE", gone)

    given = await admin.ask("GET", EXPORT)

    assert given.headers["content-disposition"].startswith('attachment; filename="cards-2')
    assert given.headers["content-disposition"].endswith('.json"')
    assert {live, gone} <= {f"/api/v1/cards/{card['id']}" for card in given.body}
    [card] = [card for card in given.body if live.endswith(card["id"])]
    assert card == {**(await ada.ask("GET", live)).body, "owner_id": str(ada.account)}
    assert [one["admin_id"] for one in await exports(world)].count(str(admin.account)) == 1


async def test_every_copy_is_recorded_also_under_one_idempotency_key(world: Any) -> None:
    admin = world.caller("admin")

    for _ in range(2):
        assert (await admin.ask("GET", EXPORT, Idempotency_Key="same")).status == 200

    assert [one["admin_id"] for one in await exports(world)].count(str(admin.account)) == 2


async def exports(world: Any) -> list[dict[str, Any]]:
    async with world.kernel.database.reader() as reader:
        rows = await reader.connection.fetch(
            "select stream from events where type = 'cards.cards_exported'"
        )
    streams = [
        await history(world.kernel.database, world.kernel.store, row["stream"]) for row in rows
    ]
    return [dict(stream[0].data) for stream in streams]


async def test_a_spreadsheet_finds_no_formula_in_the_export(world: Any) -> None:
    admin, ada = world.caller("admin"), await world.entitled(cards=9)
    attacks = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", '"quoted", and more']
    for attack in attacks:
        await ada.has(name=attack, bio=f"\t{attack}\nsecond line", phones=[{"number": attack}])

    given = await admin.ask("GET", EXPORT + "&format=csv")

    assert given.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(given.body.decode(), newline="")))
    mine = [row for row in rows if UUID(row["owner_id"]) == ada.account]
    assert [row["name"].removeprefix("'") for row in mine] == attacks
    assert [json.loads(row["phones"])[0]["number"] for row in mine] == attacks
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULA)]


@pytest.mark.parametrize(
    "query", ["", "?model=secrets", "?model=cards&format=xml", "?model=", "?model=cards&format="]
)
async def test_an_unknown_export_is_refused_and_not_recorded(world: Any, query: str) -> None:
    admin = world.caller("admin")

    answer = await admin.ask("GET", f"{ADMIN}/export{query}")

    assert (answer.status, answer.body["code"]) == (422, "invalid")
    assert str(admin.account) not in [one["admin_id"] for one in await exports(world)]
