"""One timer looks at everybody who waits, at each when it is due."""

import asyncio
from math import inf

from gateway.patience import Patience


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
