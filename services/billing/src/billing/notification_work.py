"""The worker's part of what providers tell: look at the thing as it is now, and tell core.

1. claim every notification about one thing, for a while
2. ask the provider what the thing is now; nothing is locked meanwhile
3. in one transaction: see that the claim still holds, tell core, note it as done

Killed before the commit of 3, nothing has happened, and it comes again when the claim has run out.
"""

import asyncio
from functools import partial

import structlog
from common.clock import Clock, SystemClock
from common.command_records import LOST_RACES
from common.database import OUTCOME_UNKNOWN
from common.event_store import Cause
from common.kernel import Kernel
from common.races import until_won
from prometheus_client import Counter

from billing.notifications import Notifications, Work
from billing.payment_provider import ProviderRefused, ProviderUnavailable
from billing.provider_news import Heard, NewsSource, OnOutcome, ProviderNews

log = structlog.get_logger(__name__)

WORKED = Counter("cartulary_notifications_worked_total", "Things looked at", ["result"])
AT_ONCE = 8
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
SWEEP_SECONDS = 60.0


class NotificationWork:
    """Works on one provider's notifications; any number of workers may run it side by side."""

    def __init__(
        self, kernel: Kernel, source: NewsSource, on_outcome: OnOutcome, clock: Clock
    ) -> None:
        """`clock` is billing's own, for what core does; claims go by the machine's."""
        self._database = kernel.database
        self._source = source
        self._on_outcome = on_outcome
        self._clock = clock
        self._machine = SystemClock()
        self._notifications = Notifications(kernel.database, source.name)

    async def run(self) -> None:
        """Work until cancelled, on a few things at once."""
        free = asyncio.Semaphore(AT_ONCE)
        pause = SHORTEST_PAUSE
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                work = await self._notifications.claim(self._machine.now())
                if work is None:
                    free.release()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                else:
                    pause = SHORTEST_PAUSE
                    task = group.create_task(self._work(work))
                    task.add_done_callback(lambda _: free.release())

    async def keep_sweeping(self) -> None:
        """Measure and tidy until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Measure and tidy once; how many are stuck."""
        return await self._notifications.sweep(self._machine.now())

    async def step(self) -> bool:
        """Work on one thing; whether there was one."""
        work = await self._notifications.claim(self._machine.now())
        if work is not None:
            await self._work(work)
        return work is not None

    async def _work(self, work: Work) -> None:
        try:
            news = await self._source.news(work.notified)
            # news of several things change one customer at once: who loses tells again
            await until_won(partial(self._tell, work, news))
        except LOST_RACES as error:
            await self._put_back(work, "lost_the_race", error)
        except ProviderUnavailable as error:
            await self._put_back(work, "provider_unavailable", error)
        except ProviderRefused as error:
            await self._put_back(work, error.code, error)
        except OUTCOME_UNKNOWN:
            raise  # the database is away: the claim runs out by itself
        except Exception as error:
            # whatever core makes of it must not keep the other things waiting
            log.exception("notification_failed", provider=self._source.name, **_told(work))
            await self._put_back(work, type(error).__name__, error)

    async def _tell(self, work: Work, news: ProviderNews | None) -> None:
        now = self._clock.now()
        async with self._database.transaction() as transaction:
            if not await self._notifications.still_ours(transaction, work):
                WORKED.labels("taken_over").inc()
                return
            if news is not None:
                name = self._source.name
                cause = Cause(work.command_id(name), now, causation_id=work.notified.event_id)
                await self._on_outcome(transaction, news, Heard(name, cause, now))
            result = "ignored" if news is None else "told"
            await self._notifications.finish(transaction, work, self._machine.now(), result)
        WORKED.labels(result).inc()

    async def _put_back(self, work: Work, why: str, error: Exception) -> None:
        WORKED.labels("put_back").inc()
        log.info("notification_put_back", why=why, error=type(error).__name__, **_told(work))
        await self._notifications.put_back(work, self._machine.now(), why)


def _told(work: Work) -> dict[str, object]:
    return {
        "event_id": work.notified.event_id,
        "type": work.notified.type,
        "attempts": work.attempts,
    }
