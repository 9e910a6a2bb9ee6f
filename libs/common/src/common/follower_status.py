"""How far each follower of a log is, who leads it, and who makes all of them wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.database import Database


@dataclass(frozen=True)
class FollowerStatus:
    """One cursor. `lag_seconds` is the age of the oldest event that it has not passed, 0 at the
    end; `leader_pid` is the database session that leads it now, None when nobody does."""

    name: str
    position: int
    lag_positions: int
    lag_seconds: float
    owner: str | None
    epoch: int
    beat: datetime | None
    leader_pid: int | None


@dataclass(frozen=True)
class Holder:
    """A transaction that has appended and not ended: nobody may read beyond its `floor`.

    `hidden`: the role that asks may not see other sessions' queries (a superuser or a member of
    `pg_read_all_stats` may). Without `pid` it is a prepared transaction.
    """

    floor: int
    pid: int | None
    application_name: str | None
    state: str | None
    seconds: float | None
    query: str | None
    hidden: bool


@dataclass(frozen=True)
class Following:
    """A service's log and its followers at one moment.

    `reserved` is the last position that was given out; while the horizon stands below it, `holders`
    are those who hold it, the lowest first.
    """

    reserved: int
    horizon: int
    now: datetime
    followers: Sequence[FollowerStatus]
    holders: Sequence[Holder]


async def following(database: Database) -> Following:
    """Every cursor, the horizon, and whoever holds it."""
    # as the owner: the service's role may not look at the sessions that work as it
    async with database.owner() as owner:
        held = await owner.fetch(_HOLDERS)
        log = await owner.fetchrow(_LOG)
        followers = await owner.fetch(_FOLLOWERS, log["horizon"])
    reserved = max(log["reserved"], log["horizon"])
    holders = [Holder(**row) for row in held if row["floor"] < reserved]
    return Following(
        reserved=reserved,
        horizon=log["horizon"],
        now=log["now"],
        followers=[FollowerStatus(**row) for row in followers],
        holders=holders if log["horizon"] < reserved else [],
    )


_LOG = """
    select last_value - (not is_called)::int as reserved, clock_timestamp() as now,
           (select horizon from events_after(0, 0) limit 1) as horizon
      from events_position_seq"""
_HERE = "database = (select oid from pg_database where datname = current_database())"
_FOLLOWERS = f"""
    select c.name, c.position, greatest($1 - c.position, 0) as lag_positions,
           coalesce(extract(epoch from clock_timestamp() -
               (select recorded_at from events where events.position > c.position
                 order by events.position limit 1)), 0)::float8 as lag_seconds,
           c.owner, c.epoch, c.beat,
           (select pid from pg_locks
             where locktype = 'advisory' and granted and objsubid = 2 and {_HERE}
               and classid::bigint = hashtext('leader')::bigint & 4294967295
               and objid::bigint = hashtext(c.name)::bigint & 4294967295) as leader_pid
      from cursors as c order by c.name"""
_HOLDERS = f"""
    select ((l.classid::bigint & 65535) << 32) | l.objid::bigint as floor, l.pid,
           a.application_name, a.state,
           extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
           case when a.backend_start is not null then a.query end as query,
           a.pid is not null and a.backend_start is null as hidden
      from pg_locks as l left join pg_stat_activity as a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.classid::bigint >> 16 = 1
       and l.{_HERE}
     order by floor, a.xact_start"""
