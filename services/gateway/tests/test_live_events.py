"""What happens to a person's things is told to them as it happens, and to nobody else."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import orjson
import pytest
from common.ids import uuid7
from common.messages import Envelope
from common.testing.waiting import eventually
from gateway.forwarding import InProcessUpstream
from gateway.live_events import MOST_OF_ONE, PATH
from gateway.live_log import WAITING, LiveLog, Watcher

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CARDS = "/api/v1/cards/"


class Stream:
    """An open stream, read event by event."""

    def __init__(self, got):
        self.got = got

    async def next(self):
        """The next event: its name, its data, its id. Nothing at the end."""
        while True:
            fields = await self._block()
            if fields is None or "event" in fields:
                break
        if fields is None:
            return None
        return fields["event"], orjson.loads(fields["data"]), fields.get("id")

    async def beat(self):
        """Wait for a sign of life."""
        while "" not in (await self._block() or {}):
            continue

    async def _block(self):
        lines = []
        while line := (await asyncio.wait_for(self.got.content.readline(), 20)).decode():
            if line == "\n":
                return dict(text.split(": ", 1) for text in lines)
            lines.append(line.rstrip("\n") if not line.startswith(":") else ": " + line.strip())
        return None


@asynccontextmanager
async def watching(world, token, **headers):
    sent = {"authorization": f"Bearer {token}", **headers}
    async with world.client.get(world.url + PATH, headers=sent) as got:
        assert got.status == 200
        assert got.headers["content-type"] == "text/event-stream"
        assert got.headers["cache-control"] == "private, no-store"
        yield Stream(got)


@pytest.fixture
async def world(service, before):
    """A gateway whose streams show signs of life often."""
    service.answers(CARDS, b'{"items": [], "total": 0}')
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, event_heartbeat=0.1) as made:
        yield made


def has_cards(world, *ids):
    items = [{"id": str(id), "name": "x"} for id in ids]
    body = orjson.dumps({"items": items, "page": 1, "per_page": 100, "total": len(items)})
    world.service.answers(CARDS, body)


async def test_who_watches_hears_of_their_own_things_and_not_of_others(world):
    me, card, strange = uuid7(), uuid7(), uuid7()
    has_cards(world, card)
    async with watching(world, world.token(me)) as stream:
        await world.exchange.tell("cards.card_changed.v1", f"card-{strange}")
        await world.exchange.tell("cards.card_changed.v1", f"card-{card}", {"title": "secret"})
        name, data, id = await stream.next()
        assert (name, UUID(id).version) == ("cards.card_changed.v1", 7)
        assert data == {
            "type": "cards.card_changed.v1",
            "subject": f"card/{card}",
            "time": "2026-03-01T12:00:00Z",
        }
        await world.exchange.tell("billing.invoice_issued.v1", "invoice-1", person=me)
        assert (await stream.next())[1]["subject"] == "invoice/1"
        await world.exchange.tell("auth.account_renamed.v1", f"account-{me}")
        assert (await stream.next())[1]["subject"] == f"account/{me}"


async def test_a_card_made_meanwhile_is_watched_from_its_first_event_on(world):
    me, card = uuid7(), uuid7()
    async with watching(world, world.token(me)) as stream:
        await world.exchange.tell("cards.card_created.v1", f"card-{card}", {"owner_id": str(me)})
        await world.exchange.tell("cards.card_changed.v1", f"card-{card}")
        assert [(await stream.next())[0] for _ in range(2)] == [
            "cards.card_created.v1",
            "cards.card_changed.v1",
        ]


async def test_who_comes_back_goes_on_after_the_last_event_they_have(world):
    me, card = uuid7(), uuid7()
    has_cards(world, card)
    token = world.token(me)
    async with watching(world, token) as stream:
        await world.exchange.tell("cards.card_changed.v1", f"card-{card}")
        _, _, last = await stream.next()
    for name in ("deleted", "restored"):
        await world.exchange.tell(f"cards.card_{name}.v1", f"card-{card}")
    async with watching(world, token, **{"Last-Event-ID": last}) as stream:
        assert (await stream.next())[0] == "cards.card_deleted.v1"
        assert (await stream.next())[0] == "cards.card_restored.v1"


@pytest.mark.parametrize("last", ["01990000-0000-7000-8000-0000000000ff", "nonsense"])
async def test_who_was_away_too_long_is_told_to_read_anew(world, last):
    async with watching(world, world.token(), **{"Last-Event-ID": last}) as stream:
        assert await stream.next() == ("reset", {}, None)


async def test_after_the_broker_was_away_everybody_reads_anew(world):
    async with watching(world, world.token()) as stream:
        world.exchange.connection(False)
        assert (await stream.next())[0] == "reset"
        world.exchange.connection(True)
        assert (await stream.next())[0] == "reset"


async def test_a_silent_stream_shows_signs_of_life(world):
    async with watching(world, world.token()) as stream:
        await stream.beat()
        await stream.beat()


async def test_a_stream_ends_with_its_token(world):
    async with watching(world, world.token()) as stream:
        await stream.beat()
        world.clock.advance(timedelta(minutes=10))
        assert await stream.next() == ("end", {"reason": "token_expired"}, None)
        assert await stream.next() is None


@pytest.mark.parametrize(
    ("type", "ended"),
    [
        ("auth.session_ended.v1", "session_ended"),
        ("auth.account_suspended.v1", "account_suspended"),
        ("auth.account_erased.v1", "session_ended"),
    ],
)
async def test_a_stream_ends_with_its_session_and_says_so(world, type, ended):
    me, session = uuid7(), uuid7()
    token, other = world.token(me, session_id=session), world.token(me)
    data = {
        "session_id": str(session),
        "account_id": str(me),
        "tokens_expire_at": "2026-03-01T12:10:00Z",
        "erased_at": "2026-03-01T12:00:00Z",
    }
    async with watching(world, token) as stream, watching(world, other) as beside:
        await world.exchange.tell(type, f"account-{me}", data)
        assert (await stream.next())[0] == type
        assert await stream.next() == ("end", {"reason": ended}, None)
        assert (await beside.next())[0] == type
        if type == "auth.session_ended.v1":
            await beside.beat()
    assert (await world.get(PATH, token)).status in (401, 403)


async def test_a_gateway_that_is_to_stop_ends_its_streams_and_takes_no_more(world):
    async with watching(world, world.token()) as stream:
        world.gateway.drain()
        assert await stream.next() == ("end", {"reason": "restart"}, None)
        assert await stream.next() is None
    assert (await world.get(PATH, world.token())).code == "overloaded"
    assert (await world.get("/readyz")).status == 503
    assert (await world.get("/quick")).status == 200


async def test_one_account_has_only_so_many_streams_and_a_closed_one_makes_room(world):
    token = world.token()
    streams = [watching(world, token) for _ in range(MOST_OF_ONE)]
    for stream in streams:
        await stream.__aenter__()
    got = await world.get(PATH, token)
    assert (got.status, got.code) == (429, "too_many_streams")
    async with watching(world, world.token()):
        pass
    for stream in streams:
        await stream.__aexit__(None, None, None)

    async def room():
        async with world.client.get(
            world.url + PATH, headers={"authorization": f"Bearer {token}"}
        ) as got:
            return got.status == 200

    await eventually(room, what="room for another stream")


async def test_without_a_token_nobody_watches_and_without_cards_nobody_is_promised_them(world):
    assert (await world.get(PATH)).code == "unauthenticated"
    for said in (b"nonsense", b"[]"):
        world.service.answers(CARDS, said)
        assert (await world.get(PATH, world.token())).code == "upstream_unavailable"
    has_cards(world)
    assert (await world.ask("HEAD", PATH, world.token())).status == 200


def envelope(card=1, **data):
    return Envelope(uuid7(), "cards", "cards.card_changed.v1", f"card-{card}", 1, 0, NOON, data)


async def test_a_message_heard_twice_is_told_once():
    log, watcher = LiveLog(), Watcher("me", {"card/1"})
    log.watch(watcher, since=0, last=None)
    message = envelope()
    log.hear(message)
    log.hear(message)
    assert [told.id for told in watcher.waiting] == [message.id]


async def test_what_happens_while_a_stream_is_opened_is_not_missed():
    log = LiveLog()
    since = log.heard
    message = envelope()
    log.hear(message)
    watcher = Watcher("me", {"card/1"})
    log.watch(watcher, since=since, last=None)
    assert [told.id for told in watcher.waiting] == [message.id]


async def test_the_log_is_bounded_and_says_when_something_fell_out_of_it():
    log = LiveLog(most=3)
    messages = [envelope() for _ in range(5)]
    for message in messages:
        log.hear(message)
    known, gone, slow = (Watcher("me", {"card/1"}) for _ in range(3))
    log.watch(known, since=5, last=messages[2].id)
    log.watch(gone, since=5, last=messages[1].id)
    log.watch(slow, since=0, last=None)
    assert [told.id for told in known.waiting] == [m.id for m in messages[3:]]
    assert (gone.missed, list(gone.waiting), slow.missed) == (True, [], True)


async def test_one_who_does_not_read_costs_no_more_than_so_much():
    log, watcher = LiveLog(), Watcher("me", {"card/1"})
    log.watch(watcher, since=0, last=None)
    for _ in range(WAITING + 1):
        log.hear(envelope())
    assert (watcher.missed, len(watcher.waiting)) == (True, 0)
