"""`cartulary events`: what is recorded, and whether it is what was written."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from common.messages import event_id
from common.testing.kernel import NOW

pytestmark = pytest.mark.integration


async def test_a_stream_is_shown_in_order_and_sealed(operated: Any) -> None:
    id = await operated.account()
    await operated.erase(id)
    stream = f"account-{id}"

    by_name = await operated.run("events", "show", stream)
    by_id = await operated.ask("events", "show", str(id))
    for shown in (by_name, by_id):
        assert shown.code == 0, shown.err
        assert shown.out.index(f"{stream} v1") < shown.out.index(f"{stream} v2")
    document = (await operated.ask("events", "show", stream, "--json")).json

    assert [event["version"] for event in document] == [1, 2]
    assert document[0]["data"]["email"] == "[sealed]"
    assert all(event["whole"] for event in document)
    assert "ada@example.org" not in shown.out


async def test_personal_fields_are_opened_when_asked_until_their_person_is_erased(
    operated: Any,
) -> None:
    id = await operated.account()

    before = (await operated.ask("events", "show", str(id), "--reveal", "--json")).json
    await operated.erase(id)
    async with operated.auth.database.transaction() as transaction:
        await operated.auth.store.keys.erase(transaction, id, NOW)
    after = (await operated.ask("events", "show", str(id), "--reveal", "--json")).json

    assert before[0]["data"]["email"] == "ada@example.org"
    assert after[0]["data"]["email"] == "[erased]"


async def test_an_event_is_found_by_its_id(operated: Any) -> None:
    id = await operated.account(erased=True)
    second = event_id("auth", f"account-{id}", 2)

    shown = (await operated.ask("events", "show", str(second), "--json")).json

    assert [(event["version"], event["type"]) for event in shown] == [(2, "auth.account_erased")]


async def test_a_changed_event_is_named_by_show_and_verify(operated: Any) -> None:
    id, other = await operated.account(), await operated.account()
    assert (await operated.ask("events", "verify")).code == 0
    async with operated.auth.database.owner() as owner:
        await owner.execute("alter table events disable trigger events_are_append_only")
        await owner.execute("update events set schema = 7 where stream = $1", f"account-{id}")

    shown = await operated.ask("events", "show", str(id))
    verified = await operated.ask("events", "verify", "--json")

    assert (shown.code, verified.code) == (1, 1)
    assert "NOT THE EVENT THAT WAS WRITTEN" in shown.out
    of_auth, of_cards, _ = verified.json
    assert [(f["stream"], f["version"]) for f in of_auth["flaws"]] == [(f"account-{id}", 1)]
    assert (of_auth["events"], of_cards["flaws"]) == (2, [])
    assert (await operated.ask("events", "show", str(other))).code == 0


async def test_the_tail_shows_what_is_asked_for_and_goes_on(operated: Any) -> None:
    first = await operated.card()
    await operated.account()
    follower = await operated.start("events", "tail", "--type", "cards.card_created", "--json")
    lines = follower.stdout
    old = json.loads(await asyncio.wait_for(lines.readline(), 30))
    second = await operated.card()
    new = json.loads(await asyncio.wait_for(lines.readline(), 30))
    follower.terminate()
    await follower.wait()

    assert [old["stream"], new["stream"]] == [f"card-{first}", f"card-{second}"]


async def test_the_tail_begins_where_it_is_told(operated: Any) -> None:
    await operated.account()
    for _ in range(2):
        await operated.card()
    expected = {
        "--service cards": ["card", "card"],
        "--stream account": ["account"],
        "--last 0": [],
        "--last 1 --service cards": ["card"],
        "--from 2 --service cards": ["card"],
        "--from 1h": ["account", "card", "card"],
        "--from 2999-01-01T00:00:00Z": [],
    }

    tail = ["events", "tail", "--no-follow", "--json"]
    ran = [await operated.ask(*tail, *options.split()) for options in expected]

    shown = [[json.loads(text)["stream"] for text in one.out.splitlines()] for one in ran]
    categories = [sorted(stream.partition("-")[0] for stream in streams) for streams in shown]
    assert dict(zip(expected, categories, strict=True)) == expected


async def test_a_tail_shows_more_than_a_page(operated: Any) -> None:
    await operated.card()
    async with operated.cards.database.owner() as owner:
        await owner.execute(
            "insert into events (stream, category, version, type, schema, data, meta, hash)"
            " select 'card-' || n, 'card', 1, type, schema, data, meta, hash"
            "   from events, generate_series(1, 2500) as n where position = 1"
        )

    ran = await operated.ask("events", "tail", "--no-follow", "--json", "--last", "3000")

    assert len(set(ran.out.splitlines())) == 2501


WRONG_QUESTIONS = {
    "events tail --type cards.card_create": "Did you mean cards.card_created",
    "events tail --from yesterday": "an age (15m)",
    "events tail --from 0": "an age (15m)",
    "events tail --last -1": "--last",
    "events show card-x": "There is no stream or event card-x",
    "events show 01990000-0000-7000-8000-00000000c001": "There is no stream or event",
    "events verify --service crds": "Did you mean cards? Known: auth, cards",
    "events verify --database-url postgresql:///x": "say which with --service",
    "events verify --service auth --database-url nonsense": "address",
}


async def test_a_wrong_question_is_told_what_is_known(operated: Any) -> None:
    for question, expected in WRONG_QUESTIONS.items():
        ran = await operated.ask(*question.split())

        assert (ran.code, ran.out) == (2, ""), question
        assert expected in ran.err
        assert "Traceback" not in ran.err


async def test_what_cannot_be_looked_at_is_told_apart_from_what_is_wrong(
    operated: Any, postgres: Any
) -> None:
    nobody = {"AUTH_DATABASE_URL": "", "CARDS_DATABASE_URL": ""}
    empty = await postgres.create_database(f"empty_{uuid4().hex}")
    gone = empty.replace("empty_", "gone_")
    away = "postgresql://postgres@127.0.0.1:1/auth"
    found = [
        await operated.ask("events", "verify", **nobody),
        await operated.ask("events", "verify", "--service", "auth", "--database-url", empty),
        await operated.ask("events", "verify", "--service", "auth", "--database-url", gone),
        await operated.ask("events", "verify", "--service", "auth", **nobody, DATABASE_URL=away),
        await operated.ask("events", "show", str(await operated.account()), "--reveal", **OTHER),
    ]

    said = [ran.err for ran in found]
    assert [ran.code for ran in found] == [3] * 5
    assert not any("Traceback" in text for text in said), said
    for text, expected in zip(
        said,
        ["make run", "never prepared", "does not exist", "does not answer", "data key is not"],
        strict=True,
    ):
        assert expected in text


OTHER = {"AUTH_DATA_KEY": "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb28="}
