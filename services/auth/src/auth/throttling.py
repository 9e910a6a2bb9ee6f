"""Guessing passwords is made slow, never the account shut: nobody can lock another out.

Two measures, both counted before the password is looked at, so that a burst gains nothing:

- Five tries a minute for an account from one block of addresses (/24, /48); then 429.
- All failures for an account, from wherever: from the fifth on every try waits a second more for
  each five, at most ten. The wait holds no database connection. The right password clears it.

Names that are no account's are counted alike. Keys are keyed hashes; rows vanish when they are old.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from math import ceil

from common.database import Database
from common.problems import TooManyRequests

QUOTA = 5
PERIOD = timedelta(minutes=1)
STEP = PERIOD / QUOTA
PATIENT_FAILURES = 5
LONGEST_DELAY = 10
MOST_WAITING = 50
"""Tries that wait in one process; one more is told when to come again instead of being made to
wait, so that guesses from everywhere do not take up all connections."""
FORGOTTEN_AFTER = timedelta(days=1)
STALE_AFTER = timedelta(hours=1)
POLICY = f'"login";q={QUOTA};w={PERIOD.seconds}'


@dataclass(frozen=True)
class Attempt:
    """A try that may go on after `delay` seconds; `left` more may follow at once."""

    delay: int
    left: int
    full_in: int

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy`."""
        return limit_headers(self.left, self.full_in)


class TooManyAttempts(TooManyRequests):
    """Five tries in a minute are spent."""

    detail = "Those were many tries in a short time. Wait a little and try again."


class Throttle:
    """Counts tries in PostgreSQL, so that all processes count together."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._waiting = 0

    async def attempt(self, who: str, address: str, now: datetime) -> Attempt:
        """Count a try for an account. Raises `TooManyAttempts`."""
        pair = self._key(f"{address_block(address)} {who}")
        async with self._database.reader() as writer:
            empty_at = await writer.connection.fetchval(
                _TAKE, pair, now, STEP, PERIOD, now - STALE_AFTER
            )
            if empty_at is None:
                full_until = await writer.connection.fetchval(_FULL_UNTIL, pair) or now
                wait = max(1, ceil((full_until + STEP - PERIOD - now).total_seconds()))
                raise TooManyAttempts(retry_after=wait)
            failures = await writer.connection.fetchval(
                _COUNT, self._key(who), now, now - FORGOTTEN_AFTER
            )
        used = ceil((empty_at - now) / STEP)
        full_in = ceil((empty_at - now).total_seconds())
        return Attempt(min(LONGEST_DELAY, failures // PATIENT_FAILURES), QUOTA - used, full_in)

    async def wait(self, attempt: Attempt) -> None:
        """Let the try's delay pass. Raises `TooManyAttempts` when too many others wait already."""
        if not attempt.delay:
            return
        if self._waiting >= MOST_WAITING:
            raise TooManyAttempts(retry_after=attempt.delay)
        self._waiting += 1
        try:
            await asyncio.sleep(attempt.delay)
        finally:
            self._waiting -= 1

    async def clear(self, who: str, address: str | None = None) -> None:
        """The right password was shown, or its owner proved themselves by mail."""
        pair = self._key(f"{address_block(address)} {who}") if address else ""
        async with self._database.reader() as writer:
            await writer.connection.execute(_CLEAR, self._key(who), pair)

    def _key(self, text: str) -> str:
        return blake2b(text.encode(), key=self._secret, digest_size=20).hexdigest()


def limit_headers(left: int, full_in: int) -> dict[str, str]:
    """What a limited answer says of its limit (draft-ietf-httpapi-ratelimit-headers)."""
    return {"RateLimit-Policy": POLICY, "RateLimit": f'"login";r={left};t={full_in}'}


def address_block(address: str) -> str:
    """The /24 or /48 that an address lies in: one household or office, coarse enough to show."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    if mapped is not None:
        parsed = mapped
    return str(ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


# a bucket that leaks a try each STEP; the row says when it will be empty again
_TAKE = """
    with stale as (
        delete from login_tries where pair in (
            select pair from login_tries where empty_at < $5::timestamptz and pair <> $1
             limit 10 for update skip locked)
    ), forgotten as (
        delete from login_failures where who in (
            select who from login_failures where last_at < $5::timestamptz - interval '1 day'
             limit 10 for update skip locked)
    )
    insert into login_tries as bucket (pair, empty_at) values ($1, $2::timestamptz + $3::interval)
        on conflict (pair) do update set empty_at = greatest(bucket.empty_at, $2) + $3
         where greatest(bucket.empty_at, $2) + $3 <= $2 + $4::interval
    returning empty_at"""
_FULL_UNTIL = "select empty_at from login_tries where pair = $1"
_COUNT = """
    insert into login_failures as known (who, failures, last_at) values ($1, 1, $2)
        on conflict (who) do update
           set failures = case when known.last_at < $3 then 1 else known.failures + 1 end,
               last_at = greatest(known.last_at, $2)
    returning failures - 1"""
_CLEAR = """
    with tries as (delete from login_tries where pair = $2)
    delete from login_failures where who = $1"""
