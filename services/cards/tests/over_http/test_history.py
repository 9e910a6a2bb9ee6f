"""What happened to a card, and back to what it said."""

from typing import Any


async def test_the_history_tells_what_was_changed_when(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    await ada.ask("PATCH", path, {"title": "Countess", "visibility": "private"})
    await ada.ask("PATCH", path, {"handle": "told"})
    await ada.ask("DELETE", path)
    await ada.ask("POST", path + "/restore")

    history = (await ada.ask("GET", path + "/history")).body

    assert history["next"] is None
    assert [(moment["version"], moment["what"]) for moment in history["items"]] == [
        (6, "restored"),
        (5, "deleted"),
        (4, "changed"),
        (3, "changed"),
        (2, "changed"),
        (1, "created"),
    ]
    changes = [moment["changes"] for moment in history["items"]]
    assert changes[:5] == [
        [],
        [],
        [{"field": "handle", "before": None, "after": "told"}],
        [{"field": "visibility", "before": "public", "after": "private"}],
        [{"field": "title", "before": "Analyst", "after": "Countess"}],
    ]
    assert {"field": "name", "before": None, "after": "Ada Lovelace"} in changes[5]
    assert {change["field"] for change in changes[5]} == {
        *("name", "title", "email", "theme", "visibility")
    }
    assert all(moment["at"].endswith("Z") for moment in history["items"])


async def test_a_long_history_is_read_in_pages(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()
    for n in range(6):
        await ada.ask("PATCH", path, {"title": f"Title {n}"})
    versions, after = [], ""

    while after is not None:
        page = (await ada.ask("GET", f"{path}/history?limit=3{after and f'&after={after}'}")).body
        versions.append([moment["version"] for moment in page["items"]])
        after = page["next"]

    assert versions == [[7, 6, 5], [4, 3, 2], [1]]
    for query in ("limit=0", "limit=101", "after=x", "after=99999999999"):
        assert (await ada.ask("GET", f"{path}/history?{query}")).status == 422


async def test_undo_brings_back_the_words_and_not_who_may_read_them(world: Any) -> None:
    ada = world.caller()
    path = await ada.has(phones=[{"number": "1", "label": "work"}], theme="plum", handle="undone")
    await ada.ask("PATCH", path, {"phones": [], "theme": "ink", "title": "Wrong"})
    await ada.ask("PATCH", path, {"visibility": "private", "handle": None})

    undone = await ada.ask("POST", path + "/undo", {"version": 1}, If_Match='"4"')

    assert (undone.status, undone.headers["etag"]) == (200, '"5"')
    assert (undone.body["title"], undone.body["theme"]) == ("Analyst", "plum")
    assert undone.body["phones"] == [{"number": "1", "label": "work"}]
    assert (undone.body["visibility"], undone.body["handle"]) == ("private", None)
    assert (await ada.ask("GET", path)).body == undone.body
    again = await ada.ask("POST", path + "/undo", {"version": 1})
    assert again.headers["etag"] == '"5"'
    back = await ada.ask("POST", path + "/undo", {"version": 2})
    assert (back.body["title"], back.body["phones"]) == ("Wrong", [])


async def test_undo_needs_a_version_that_was(world: Any) -> None:
    ada = world.caller()
    path = await ada.has()

    later = await ada.ask("POST", path + "/undo", {"version": 2})
    assert (later.status, later.body["code"]) == (422, "version_unknown")
    for version in (0, -1, "x", None, 2**40):
        assert (await ada.ask("POST", path + "/undo", {"version": version})).status == 422
    assert (await ada.ask("POST", path + "/undo", {})).status == 422
    stale = await ada.ask("POST", path + "/undo", {"version": 1}, If_Match='"7"')
    assert stale.status == 412
    await ada.ask("DELETE", path)
    assert (await ada.ask("POST", path + "/undo", {"version": 1})).status == 404
    assert (await ada.ask("GET", path + "/history")).status == 404
