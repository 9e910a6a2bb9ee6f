"""Guessing is slowed down, nobody is shut out, and unknown names are no exception."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from auth.throttling import MOST_WAITING, Attempt, Throttle, TooManyAttempts

PASSWORD = "a long enough secret"


async def try_login(house, who, password="wrong", **more):
    return await house.post("login", {"email": who.email, "password": password}, **more)


async def test_five_tries_a_minute_then_429_and_never_a_lock_out(house):
    """Per block of addresses and account: others, and the owner elsewhere, get in."""
    ada, eve = await house.register(), await house.register()
    for left in (4, 3, 2, 1, 0):
        got = await try_login(house, ada, address="198.51.100.7")
        assert (got.status, got.code) == (401, "invalid_credentials")
        assert got.headers["ratelimit-policy"] == '"login";q=5;w=60'
        assert got.headers["ratelimit"].startswith(f'"login";r={left};t=')
    limited = await try_login(house, ada, PASSWORD, address="198.51.100.200")
    assert (limited.status, limited.code) == (429, "too_many_requests")
    assert limited.headers["retry-after"] == "12"
    assert limited.headers["ratelimit"] == '"login";r=0;t=12'
    assert (await try_login(house, ada, PASSWORD, address="203.0.113.1")).status == 200
    assert (await try_login(house, eve, PASSWORD, address="198.51.100.7")).status == 200
    house.clock.advance(timedelta(seconds=12))
    assert (await try_login(house, ada, PASSWORD, address="198.51.100.7")).status == 200


async def test_the_right_password_clears_what_was_counted(house):
    ada = await house.register()
    for _ in range(3):
        for _ in range(4):
            assert (await try_login(house, ada)).status == 401
        assert (await try_login(house, ada, PASSWORD)).status == 200


async def test_unknown_names_are_counted_like_known_ones(house):
    ada = await house.register()
    unknown = f"{uuid4().hex}@example.org"
    for email in (ada.email, unknown):
        answers = [
            await house.post("login", {"email": email, "password": "wrong"}) for _ in range(6)
        ]
        assert [a.status for a in answers] == [401] * 5 + [429]


async def test_an_account_that_many_guess_at_answers_later_and_still_answers(house):
    """From the fifth failure on a second more for each five; the owner gets in all the same."""
    ada = await house.register()
    delays = []
    throttle, now = house.parts.throttle, house.clock.now()
    for n in range(60):
        attempt = await throttle.attempt(str(ada.id), f"10.0.{n}.1", now)
        delays.append(attempt.delay)
    assert delays == [min(10, n // 5) for n in range(60)]
    await throttle.clear(str(ada.id))
    assert (await throttle.attempt(str(ada.id), "10.1.0.1", now)).delay == 0


async def test_failures_are_forgotten_after_a_day_and_their_rows_vanish(house):
    throttle, now = house.parts.throttle, house.clock.now()
    who = uuid4().hex
    for n in range(7):
        await throttle.attempt(who, f"10.2.{n}.1", now)
    tomorrow = now + timedelta(days=1, seconds=1)
    assert (await throttle.attempt(who, "10.2.100.1", tomorrow)).delay == 0
    for n in range(20):
        await throttle.attempt(uuid4().hex, f"10.3.{n}.1", now + timedelta(days=9))
    left = await house.fetch("select 1 from login_tries where empty_at < $1", tomorrow)
    assert not left


async def test_a_burst_from_many_addresses_gains_nothing(house):
    """What is counted only after a failure would let a thousand through at once."""
    ada = await house.register()
    now = house.clock.now()
    attempts = await asyncio.gather(
        *(house.parts.throttle.attempt(str(ada.id), f"10.4.{n}.1", now) for n in range(30))
    )
    assert sorted(a.delay for a in attempts) == [n // 5 for n in range(30)]


async def test_unknown_accounts_cost_the_same_hashing(house, monkeypatch):
    """MP-02: no clock is read here; the same work is seen to be done."""
    passwords = house.parts.passwords
    seen = []
    verify = passwords._hasher.verify

    def watched(encoded, password):
        seen.append(encoded.rsplit("$", 2)[0])
        return verify(encoded, password)

    monkeypatch.setattr(type(passwords._hasher), "verify", lambda _, e, p: watched(e, p))
    ada = await house.register()
    await try_login(house, ada)
    await house.post("login", {"email": f"{uuid4().hex}@example.org", "password": "wrong"})
    assert seen == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


async def test_a_waiting_guess_holds_no_database_connection(house):
    ada = await house.register()
    now = house.clock.now()
    for n in range(5):
        await house.parts.throttle.attempt(str(ada.id), f"10.5.{n}.1", now)
    size = house.settings.pool_size
    slow = [
        asyncio.create_task(try_login(house, ada, address=f"10.6.{n}.1")) for n in range(size + 5)
    ]
    mine = await house.login(await house.register(), address="203.0.113.9")
    assert not all(task.done() for task in slow)
    assert mine.access_token
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_so_many_wait_and_one_more_is_told_when_to_come_again(house):
    throttle = Throttle(house.kernel.database, b"secret")
    attempt = Attempt(delay=10, left=4, full_in=12)
    waiting = [asyncio.create_task(throttle.wait(attempt)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAttempts) as refused:
        await throttle.wait(attempt)
    assert refused.value.retry_after == 10
    await throttle.wait(replace(attempt, delay=0))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    again = asyncio.create_task(throttle.wait(attempt))
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
