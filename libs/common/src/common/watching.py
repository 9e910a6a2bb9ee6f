"""What a worker measures of its database every few seconds, whether or not its loops go on.

A relay that cannot reach the broker counts nothing, and a consumer that stands still is not late in
its own eyes: so how far behind they are is read from the tables.
"""

import asyncio

from prometheus_client import Gauge

from common.clock import Clock
from common.database import Database
from common.parking import Reason

SECONDS = 5.0

BEHIND = Gauge(
    "cartulary_follower_lag_positions",
    "Positions between a follower (the relay is one) and the horizon",
    ["service", "follower"],
)
BEHIND_SECONDS = Gauge(
    "cartulary_follower_lag_seconds",
    "Age of the oldest event that a follower has not passed",
    ["service", "follower"],
)
PARKED = Gauge("cartulary_dead_letters", "Messages that are parked now", ["service", "reason"])
LATE = Gauge("cartulary_timers_late_seconds", "Age of the oldest timer that is due", ["service"])


async def measure(database: Database, service: str, clock: Clock) -> None:
    """Set the gauges to what is so now. Raises the database's errors."""
    async with database.reader() as reader:
        followers = await reader.connection.fetch(_FOLLOWERS)
        parked = await reader.connection.fetch(_PARKED)
        due = await reader.connection.fetchval(_DUE)
    for row in followers:
        BEHIND.labels(service, row["name"]).set(row["positions"])
        BEHIND_SECONDS.labels(service, row["name"]).set(row["seconds"])
    counts = {row["reason"]: row["messages"] for row in parked}
    for reason in Reason:
        PARKED.labels(service, reason.value).set(counts.get(reason.value, 0))
    late = (clock.now() - due).total_seconds() if due is not None else 0
    LATE.labels(service).set(max(late, 0))


async def keep_measuring(database: Database, service: str, clock: Clock) -> None:
    """Until cancelled; raises the database's errors, after which a supervisor starts it again."""
    while True:
        await measure(database, service, clock)
        await asyncio.sleep(SECONDS)


_FOLLOWERS = """
    select c.name, greatest(log.horizon - c.position, 0) as positions,
           coalesce(extract(epoch from clock_timestamp() -
               (select recorded_at from events where events.position > c.position
                 order by events.position limit 1)), 0)::float8 as seconds
      from cursors as c, (select horizon from events_after(0, 0) limit 1) as log"""
_PARKED = "select reason, count(*) as messages from parked group by reason"
_DUE = "select min(due) from timers where done_at is null"
