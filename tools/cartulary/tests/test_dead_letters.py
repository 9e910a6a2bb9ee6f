"""`cartulary dead-letters`: looked at, tried again, given up; in order, and nothing half-done."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import cards.worker
import pytest
from cartulary.layout import Layout
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.messages import Envelope
from common.testing.processes import forked, free_port
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def receive(operated: Any, messages: Sequence[bytes]) -> None:
    """What cards' consumer does with these; it cannot ask auth for missing ones."""
    feeds = Feeds("secret", {})
    worker = cards.worker.create_worker(operated.cards, InProcessBroker(), feeds)
    await worker.inbox.handle(messages)


async def erased_owner(operated: Any) -> tuple[UUID, UUID]:
    """Somebody who was erased in auth, and their card, which knows nothing of it yet."""
    owner = await operated.account(erased=True)
    return owner, await operated.card(owner)


async def messages_of(operated: Any, owner: UUID) -> tuple[bytes, bytes]:
    registered, erased = await operated.auth.feed(f"account-{owner}", 0)
    return registered, erased


def of_tomorrow(raw: bytes) -> bytes:
    """The same message in a version that cards does not know: it cannot be handled."""
    return replace(Envelope.from_bytes(raw), type="auth.account_erased.v2").to_bytes()


async def card_is_there(operated: Any, card: UUID) -> bool:
    async with operated.cards.database.owner() as owner:
        found = await owner.fetchval("select count(*) from cards where card_id = $1", card)
    return bool(found)


async def poisoned(operated: Any) -> tuple[str, UUID]:
    """A stream whose first message cannot be handled, its second behind; and the card meant."""
    owner, card = await erased_owner(operated)
    first, second = await messages_of(operated, owner)
    await receive(operated, [of_tomorrow(first), second])
    return f"account-{owner}", card


async def listed(operated: Any) -> list[tuple[Any, ...]]:
    ran = await operated.ask("dead-letters", "list", "--json")
    assert ran.code == 0, ran.err
    return [(row["stream"], row["version"], row["reason"], row["attempts"]) for row in ran.json]


async def test_letters_are_listed_and_shown_in_version_order(operated: Any) -> None:
    empty = await operated.ask("dead-letters", "list")
    assert (empty.code, empty.out) == (0, "Nothing is parked.\n")
    stream, _ = await poisoned(operated)

    table = await operated.ask("dead-letters", "list", "--service", "cards")
    shown = await operated.ask("dead-letters", "show", stream, "--json")

    assert await listed(operated) == [(stream, 1, "poison", 1), (stream, 2, "behind", 1)]
    assert "auth.account_erased.v2 is a version that is not known here" in table.out
    first, second = shown.json
    assert (first["version"], second["version"]) == (1, 2)
    assert first["raw"]["data"]["sealed"] == "[sealed]"
    assert second["raw"]["type"] == "auth.account_erased.v1"
    by_id = await operated.ask("dead-letters", "show", str(second["id"]))
    assert f"{stream} v2" in by_id.out
    assert f"{stream} v1" not in by_id.out


async def test_a_letter_that_fails_again_stays_and_says_so(operated: Any) -> None:
    stream, card = await poisoned(operated)

    ran = await operated.ask("dead-letters", "replay", stream)

    assert (ran.code, ran.out) == (1, f"{stream}: 0 handled\n")
    assert f"{stream} v1 failed again (poison: auth.account_erased.v2 is a version" in ran.err
    assert "tries: 2, still parked" in ran.err
    assert await listed(operated) == [(stream, 1, "poison", 2), (stream, 2, "behind", 1)]
    assert await card_is_there(operated, card)


async def test_a_gap_is_replayed_with_the_producers_feed(operated: Any, tmp_path: Path) -> None:
    owner, card = await erased_owner(operated)
    stream = f"account-{owner}"
    _, second = await messages_of(operated, owner)
    await receive(operated, [second])
    assert await listed(operated) == [(stream, 2, "gap", 1)]
    without = await operated.ask("dead-letters", "replay", stream, "--json")
    assert without.code == 1
    assert without.json["replayed"][0]["failed"]["reason"] == "gap"

    port = str(free_port())
    environment = {"DATABASE_URL": operated.environment["AUTH_DATABASE_URL"], "PORT": port}
    feeds = json.dumps({"auth": f"http://127.0.0.1:{port}"})
    with forked(["auth.main"], environment, tmp_path / "auth.txt"):

        async def replayed() -> bool:
            ran = await operated.ask("dead-letters", "replay", "--all", FEEDS=feeds)
            return bool(ran.code == 0)

        await eventually(replayed, within=180, what="a replay with the feed")

    assert await listed(operated) == []
    assert not await card_is_there(operated, card)


async def test_dropping_asks_gives_up_the_first_and_lets_the_rest_go_on(operated: Any) -> None:
    stream, card = await poisoned(operated)

    refused = await operated.ask("dead-letters", "drop", stream, stdin="n\n")
    assert refused.code == 1
    assert f"Give up {stream} v1 from auth for good?" in refused.err
    assert len(await listed(operated)) == 2
    ran = await operated.run("dead-letters", "drop", stream, "--reason", "of tomorrow", stdin="y\n")

    assert ran.code == 0, ran.err
    assert f"{stream} v1 auth.account_erased.v2: dropped" in ran.out
    assert f"{stream}: 1 handled" in ran.out
    line = json.loads(ran.err[ran.err.index("{") :])
    assert (line["event"], line["why"], line["version"]) == (
        "dead_letter_dropped",
        "of tomorrow",
        1,
    )
    assert line["who"]
    assert await listed(operated) == []
    assert not await card_is_there(operated, card), "the second had its effect"


async def test_dropping_all_gives_up_the_whole_stream(operated: Any) -> None:
    stream, card = await poisoned(operated)

    ran = await operated.ask("dead-letters", "drop", stream, "--all", "--yes", "--json")

    assert ran.code == 0, ran.err
    assert [letter["version"] for letter in ran.json["dropped"]] == [1, 2]
    assert await listed(operated) == []
    assert await card_is_there(operated, card)


async def test_bytes_that_are_no_message_are_shown_only_when_asked(operated: Any) -> None:
    await receive(operated, [b"\xff who is this"])
    ((stream, *_),) = await listed(operated)

    shown = await operated.ask("dead-letters", "show", stream)
    revealed = await operated.ask("dead-letters", "show", stream, "--reveal")
    replayed = await operated.ask("dead-letters", "replay", "--all")
    dropped = await operated.ask("dead-letters", "drop", stream, "--yes")

    assert "who is this" not in shown.out
    assert "who is this" in revealed.out
    assert (replayed.code, dropped.code) == (1, 0)
    assert await listed(operated) == []


WRONG_QUESTIONS = {
    "dead-letters replay": "Name a stream, or say --all.",
    "dead-letters replay x --all": "Name a stream, or say --all.",
    "dead-letters replay card-1": "There is no parked stream card-1",
    "dead-letters drop card-1 --yes": "There is no parked stream card-1",
    "dead-letters show 17": "There is no dead letter or parked stream 17",
    "dead-letters list --service shop": "Known: auth, cards, billing",
}


async def test_a_wrong_question_changes_nothing(operated: Any) -> None:
    stream, _ = await poisoned(operated)
    for question, expected in WRONG_QUESTIONS.items():
        ran = await operated.ask(*question.split())

        assert ran.code == 2, question
        assert expected in ran.err
        assert "Traceback" not in ran.err
    misspelt = await operated.ask("dead-letters", "replay", stream[:-1])
    assert f"Did you mean {stream}?" in misspelt.err
    assert len(await listed(operated)) == 2


async def test_the_embedded_run_is_operated_without_an_address(
    operated: Any, tmp_path: Path
) -> None:
    port = str(free_port())
    place = {"VAR_DIR": str(tmp_path / "embedded"), "PORT": port}
    nobody = {f"{name}_DATABASE_URL": "" for name in ("AUTH", "CARDS", "BILLING")}
    run, later = ["cartulary.main", "run"], ["cartulary.embedded"]
    with forked(run, place, tmp_path / "run.txt", later=later) as running:

        async def runs() -> bool:
            return "Stop with Ctrl-C" in running.said()

        await eventually(runs, within=180, what="the embedded run")
        layout = Layout(tmp_path / "embedded", int(port))
        connection = await asyncpg.connect(layout.embedded_dsn("cards"))
        await connection.execute(
            "insert into parked (consumer, source, stream, version, type, reason, error, raw,"
            " parked_at) values ('cards', 'auth', 'account-1', 1, 't', 'poison', 'E', 'x', now())"
        )
        await connection.close()
        for command in ("views verify", "views status", "events verify", "followers --json"):
            ran = await operated.ask(*command.split(), **place, **nobody)
            assert ran.code == 0, ran.err
        dropped = await operated.ask(
            *("dead-letters", "drop", "account-1", "--yes", "--reason", "made by a test"),
            **place,
            **nobody,
        )

    followers = {follower["name"]: follower for follower in ran.json[0]["followers"]}
    assert followers["relay"]["leader_pid"]
    assert dropped.code == 0, dropped.err
    assert "made by a test" in layout.log.read_text()
