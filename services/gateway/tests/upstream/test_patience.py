"""One timer looks at everybody who waits, at each when it is due."""

import asyncio
from math import inf

import pytest
from gateway.forwarding import AnswerCut
from gateway.patience import Patience

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Someone:
    """Waits, and wants to be looked at again as often as there are `pauses`."""

    def __init__(self, *pauses):
        self.looks, self.done, self._pauses = [], asyncio.Event(), list(pauses)

    def look(self, now):
        """Remember when; the next time."""
        self.looks.append(now)
        if self._pauses:
            return now + self._pauses.pop(0)
        self.done.set()
        return inf


def now():
    return asyncio.get_running_loop().time()


def test_who_is_due_sooner_is_not_kept_waiting_by_who_came_before(wire):
    async def story():
        patience, late, soon = Patience(), Someone(), Someone()
        patience.begin(late, now() + 600)
        patience.begin(soon, now() + 0.01)
        await soon.done.wait()
        patience.close()

    wire.tell(story())


def test_everybody_is_looked_at_again_and_never_before_they_are_due(wire):
    async def story():
        patience, began = Patience(), now()
        many = [Someone(0.02, 0.01), Someone(0.03), Someone()]
        for n, one in enumerate(many):
            patience.begin(one, began + 0.01 * n)
        for one in many:
            await one.done.wait()
        assert many[0].looks[-1] - began >= 0.029  # a loop may count in milliseconds
        patience.close()

    wire.tell(story())


def test_who_has_gone_is_not_looked_at_and_who_comes_later_is(wire):
    async def story():
        patience, gone, later = Patience(), Someone(), Someone()
        patience.begin(gone, now() + 0.01)
        patience.end(gone)
        await asyncio.sleep(0.02)  # its time has come
        patience.begin(later, now() + 0.01)
        await later.done.wait()
        assert gone.looks == []
        patience.close()

    wire.tell(story())


def test_after_the_end_nobody_is_looked_at(wire):
    async def story():
        patience, one = Patience(), Someone()
        patience.begin(one, now() + 0.01)
        patience.close()
        await asyncio.sleep(0.03)
        assert one.looks == []

    wire.tell(story())


@pytest.mark.parametrize("wire", ["uvloop"], indirect=True)  # one will do: it takes its time
def test_an_answer_may_take_longer_than_the_budget_if_its_pieces_do_not(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(CHUNKED)
        for _ in range(3):
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.8)
        writer.write(b"0\r\n\r\n")

    async def story():
        async with wire.standing(answer) as (_, way):
            assert (await wire.ask(way, budget=2.0)).body == b"xxx"

    wire.tell(story())


def test_an_answer_that_stands_still_for_longer_than_the_budget_is_cut(wire):
    async def story():
        client = wire.client()
        async with wire.standing(wire.always(CHUNKED + b"1\r\nx\r\n")) as (_, way):
            with pytest.raises(AnswerCut):
                await wire.ask(way, client=client, budget=0.3)
        assert (client.body, client.ended) == (b"x", False)

    wire.tell(story())
