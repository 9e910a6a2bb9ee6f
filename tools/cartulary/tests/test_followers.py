"""`cartulary followers`: how far each is, and the transaction that makes them wait."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cards.cards.decider import CARD
from cards.cards.examples import CREATE
from common.database import Transaction
from common.event_store import Cause, Recorded
from common.log_followers import Follower
from common.testing.kernel import NOW
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def nothing(_: Transaction, __: Sequence[Recorded]) -> None:
    """A follower without effects."""


async def looked_at(operated: Any, *arguments: str) -> Any:
    ran = await operated.ask("followers", "--service", "cards", "--json", *arguments)
    assert ran.code == 0, ran.err
    (document,) = ran.json
    return document


async def append_slowly(operated: Any, transaction: Transaction) -> None:
    """An append in a transaction that its owner leaves open, for longer than a service's may."""
    await transaction.connection.execute("set local idle_in_transaction_session_timeout = '300s'")
    id = uuid4()
    command = replace(CREATE, card_id=id, actor_id=uuid4(), handle=None, now=NOW)
    await operated.cards.commands.handle_in(transaction, CARD, id, command, Cause(uuid4(), NOW))


async def test_a_follower_that_is_led_has_nothing_before_it(operated: Any) -> None:
    await operated.card()
    kernel = operated.cards
    follower = Follower(kernel.database, kernel.store, "example", nothing, from_now=False)
    task = asyncio.ensure_future(follower.run(kernel.wake))

    async def caught_up() -> bool:
        document = await looked_at(operated)
        return bool(document["followers"]) and document["followers"][0]["lag_positions"] == 0

    await eventually(caught_up, within=180)
    (status,) = (await looked_at(operated))["followers"]
    assert (status["name"], status["position"], status["lag_seconds"]) == ("example", 1, 0)
    assert status["leader_pid"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await operated.card()

    async def nobody_leads() -> bool:
        (status,) = (await looked_at(operated))["followers"]
        return status["leader_pid"] is None

    await eventually(nobody_leads, within=180)
    document = await looked_at(operated)
    (status,) = document["followers"]
    assert (status["lag_positions"], document["horizon"], document["holders"]) == (1, 2, [])
    assert status["lag_seconds"] > 0
    text = await operated.run("followers", "--service", "cards")
    assert "nobody" in text.out


async def test_who_holds_the_horizon_is_named_with_the_query(operated: Any) -> None:
    async with operated.cards.database.transaction() as transaction:
        pid = await transaction.connection.fetchval("select pg_backend_pid()")
        await append_slowly(operated, transaction)
        await operated.card()

        document = await looked_at(operated)
        text = await operated.ask("followers", "--service", "cards")

    (holder,) = document["holders"]
    assert (document["horizon"], document["reserved"]) == (0, 2)
    assert (holder["pid"], holder["state"]) == (pid, "idle in transaction")
    assert holder["application_name"] == "cartulary"
    assert "insert into events" in holder["query"]
    assert holder["seconds"] > 0
    assert f"held at 0 by pid {pid} (cartulary), idle in transaction" in text.out
    assert (await looked_at(operated))["holders"] == []


async def test_what_a_role_may_not_see_is_said_to_be_hidden(operated: Any) -> None:
    role = f"watcher_{uuid4().hex}"
    async with operated.cards.database.owner() as owner:
        await owner.execute(f"create role {role} login")
        await owner.execute(f"grant cartulary_service to {role}")
    address = operated.environment["CARDS_DATABASE_URL"].replace("postgres@", f"{role}@")
    async with operated.cards.database.transaction() as transaction:
        await append_slowly(operated, transaction)

        document = await looked_at(operated, "--database-url", address)
        text = await operated.ask("followers", "--service", "cards", "--database-url", address)

    (holder,) = document["holders"]
    assert (holder["hidden"], holder["query"]) == (True, None)
    assert holder["pid"]
    assert "its query is hidden from this role" in text.out
