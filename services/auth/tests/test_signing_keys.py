"""Signing keys: published before they sign, until the last token has expired, and by schedule."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from auth.declaration import DECLARATION
from auth.signing_keys import (
    PUBLISHED_BEFORE,
    RENEWED_EVERY,
    RETIRED_AFTER,
    KeyState,
    SigningKeys,
    key_times,
    listed,
    renew,
    replace_at_once,
    rotate,
)
from common.access_tokens import (
    ACCESS_LIFETIME,
    UnknownKey,
    sign_access_token,
    verify_access_token,
)
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.testing.kernel import kernel_on
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    async with kernel_on(postgres, DECLARATION) as kernel:
        yield kernel


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOON)


async def keys_of(kernel: Kernel, clock: MovableClock) -> SigningKeys:
    """What another process would know."""
    keys = SigningKeys(kernel.database, kernel.store.keys, clock)
    await keys.refresh()
    return keys


def token_of(keys: SigningKeys, clock: MovableClock) -> str:
    return sign_access_token(
        keys.current,
        account_id=uuid4(),
        session_id=uuid4(),
        roles=frozenset(),
        issuer="i",
        audience="a",
        now=clock.now(),
    )


@given(st.lists(st.integers(-200_000, 1_000), min_size=1, unique=True), st.integers(0, 200_000))
def test_at_every_time_exactly_one_key_signs(starts: list[int], minutes: int) -> None:
    now = NOON + minutes * MINUTE
    begun = {"first": NOON - 300_000 * MINUTE} | {str(n): NOON + n * MINUTE for n in starts}

    states = [key.state for key in key_times(begun, now)]

    assert states.count(KeyState.CURRENT) == 1
    assert states == sorted(states, key=list(KeyState).index)


async def test_the_first_key_signs_at_once_and_all_processes_agree_on_it(
    kernel: Kernel, clock: MovableClock
) -> None:
    one, other = await keys_of(kernel, clock), await keys_of(kernel, clock)

    assert one.current.kid == other.current.kid
    assert one.public.keys() == {one.current.kid}


async def test_a_next_key_is_published_before_it_signs_and_signs_when_its_time_has_come(
    kernel: Kernel, clock: MovableClock
) -> None:
    first = (await keys_of(kernel, clock)).current.kid
    following = await rotate(kernel.database, kernel.store.keys, clock.now())
    keys = await keys_of(kernel, clock)

    assert keys.public.keys() == {first, following.kid}
    clock.advance(PUBLISHED_BEFORE - MINUTE)
    assert keys.current.kid == first
    clock.advance(MINUTE)
    assert keys.current.kid == following.kid, "without asking the database again"


async def test_rotating_twice_publishes_one_next_key(kernel: Kernel, clock: MovableClock) -> None:
    await keys_of(kernel, clock)
    once = await rotate(kernel.database, kernel.store.keys, clock.now())
    clock.advance(MINUTE)

    assert (await rotate(kernel.database, kernel.store.keys, clock.now())).kid == once.kid


async def test_a_token_is_believed_until_it_expires_whatever_is_rotated(
    kernel: Kernel, clock: MovableClock
) -> None:
    keys = await keys_of(kernel, clock)
    await rotate(kernel.database, kernel.store.keys, clock.now())
    clock.advance(PUBLISHED_BEFORE - timedelta(seconds=1))
    token = token_of(keys, clock)
    clock.advance(ACCESS_LIFETIME)
    await renew(kernel.database, kernel.store.keys, clock.now())

    public = (await keys_of(kernel, clock)).public

    assert verify_access_token(token, public, issuer="i", audience="a", now=clock.now())


async def test_a_retired_key_is_dropped(kernel: Kernel, clock: MovableClock) -> None:
    first = (await keys_of(kernel, clock)).current.kid
    await rotate(kernel.database, kernel.store.keys, clock.now())
    clock.advance(PUBLISHED_BEFORE + RETIRED_AFTER)
    stale = await keys_of(kernel, clock)
    assert first not in stale.public

    await renew(kernel.database, kernel.store.keys, clock.now())

    assert [key.state for key in await listed(kernel.database, clock.now())] == [KeyState.CURRENT]


async def test_the_schedule_renews_an_old_key_in_time_and_a_young_one_not(
    kernel: Kernel, clock: MovableClock
) -> None:
    await keys_of(kernel, clock)
    clock.advance(RENEWED_EVERY - PUBLISHED_BEFORE - MINUTE)
    await renew(kernel.database, kernel.store.keys, clock.now())
    assert len(await listed(kernel.database, clock.now())) == 1

    clock.advance(MINUTE)
    for _ in range(2):
        await renew(kernel.database, kernel.store.keys, clock.now())

    states = [key.state for key in await listed(kernel.database, clock.now())]
    assert states == [KeyState.NEXT, KeyState.CURRENT]


async def test_after_a_leak_no_older_token_is_believed(kernel: Kernel, clock: MovableClock) -> None:
    keys = await keys_of(kernel, clock)
    token = token_of(keys, clock)
    await replace_at_once(kernel.database, kernel.store.keys, clock.now())
    await keys.refresh()

    with pytest.raises(UnknownKey):
        verify_access_token(token, keys.public, issuer="i", audience="a", now=clock.now())
    fresh = token_of(keys, clock)
    assert verify_access_token(fresh, keys.public, issuer="i", audience="a", now=clock.now())


async def test_no_key_is_stored_in_clear(kernel: Kernel, clock: MovableClock) -> None:
    private = (await keys_of(kernel, clock)).current.private.private_bytes_raw()
    async with kernel.database.reader() as reader:
        wrapped = await reader.connection.fetchval("select wrapped from signing_keys")

    assert private not in wrapped
