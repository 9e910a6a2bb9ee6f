"""The races that a cache loses: each is driven on purpose, step by step."""

import asyncio

import pytest
from common.ids import uuid7

CARD = "/api/v1/cards/1/vcard"
PUBLIC = {"cache_tags": "card/1", "cache_control": "public", "etag": '"1"'}


class Gate:
    """A service that answers when it is let; each answer says which call it was."""

    def __init__(self, world, **headers):
        self.world = world
        self.headers = headers or PUBLIC
        self.calls = 0
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        world.service.replies[CARD] = self.answer

    async def answer(self, seen):
        self.calls += 1
        body = str(self.calls).encode()
        self.asked.set()
        if self.calls == 1:
            await self.open.wait()
        return self.world.service.reply(body, **self.headers)


async def begin(world, gate, *given):
    """A read that has reached the service and waits there."""
    reading = asyncio.create_task(world.get(CARD, *given))
    await gate.asked.wait()
    return reading


async def change_by_message(world):
    await world.exchange.tell("cards.card_changed.v1", "card-1")


async def change_by_write(world):
    world.service.answers("/api/v1/cards/1", cache_tags="card/1")
    await world.ask("PATCH", "/api/v1/cards/1", world.token(), data=b"{}")


async def lose_the_connection(world):
    world.exchange.connection(False)
    world.exchange.connection(True)


CHANGES = [change_by_message, change_by_write, lose_the_connection]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_read_that_a_change_overtook_is_not_kept(world, change):
    gate = Gate(world)
    reading = await begin(world, gate)
    await change(world)
    gate.open.set()
    assert (await reading).cache == "cartulary; fwd=miss"
    assert (await world.get(CARD)).body == b"2"


@pytest.mark.parametrize("change", CHANGES)
async def test_a_reader_after_a_change_does_not_join_a_read_from_before(world, change):
    gate = Gate(world)
    reading = await begin(world, gate)
    await change(world)
    after = await world.get(CARD)
    gate.open.set()
    assert (after.body, (await reading).body) == (b"2", b"1")
    assert (await world.get(CARD)).body == b"2"


async def test_a_change_of_something_else_does_not_hinder_keeping(world):
    gate = Gate(world)
    reading = await begin(world, gate)
    await world.exchange.tell("cards.card_changed.v1", "card-2")
    gate.open.set()
    await reading
    assert (await world.get(CARD)).cache == "cartulary; hit"


async def test_fifty_misses_at_once_ask_the_service_once(world):
    gate = Gate(world)
    first = await begin(world, gate)
    others = [asyncio.create_task(world.get(CARD)) for _ in range(49)]
    await world.get("/livez")
    gate.open.set()
    answers = await asyncio.gather(first, *others)
    assert {got.body for got in answers} == {b"1"}
    assert gate.calls == 1


@pytest.mark.parametrize("headers", [{"cache_control": "no-store"}, {"cache_control": "private"}])
async def test_those_who_joined_an_answer_that_is_not_for_all_ask_for_themselves(world, headers):
    gate = Gate(world, cache_tags="card/1", **headers)
    first = await begin(world, gate)
    other = asyncio.create_task(world.get(CARD))
    await world.get("/livez")
    gate.open.set()
    assert {(await first).body, (await other).body} == {b"1", b"2"}


async def test_readers_do_not_join_the_read_of_another_account(world):
    gate = Gate(world, cache_tags="card/1", cache_control="private")
    mine = await begin(world, gate, world.token(uuid7()))
    yours = await world.get(CARD, world.token(uuid7()))
    gate.open.set()
    assert ((await mine).body, yours.body) == (b"1", b"2")


async def test_a_failing_read_neither_fails_nor_hangs_those_who_joined(world):
    gate = Gate(world)

    async def fail_first(seen):
        reply = await gate.answer(seen)
        return reply if reply.body != b"1" else world.service.reply(b"{}", 500)

    world.service.replies[CARD] = fail_first
    first = await begin(world, gate)
    others = [asyncio.create_task(world.get(CARD)) for _ in range(5)]
    await world.get("/livez")
    gate.open.set()
    assert (await first).status == 500
    assert {(await other).status for other in others} == {200}


async def test_a_read_goes_on_for_the_others_when_its_first_client_leaves(world):
    gate = Gate(world)
    first = await begin(world, gate)
    other = asyncio.create_task(world.get(CARD))
    await world.get("/livez")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.open.set()
    assert (await other).body == b"1"
    assert gate.calls == 1


async def test_a_joined_client_that_leaves_takes_nobody_along(world):
    gate = Gate(world)
    first = await begin(world, gate)
    leaving, staying = (asyncio.create_task(world.get(CARD)) for _ in range(2))
    await world.get("/livez")
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    gate.open.set()
    assert (await first).body == (await staying).body == b"1"
    assert gate.calls == 1
