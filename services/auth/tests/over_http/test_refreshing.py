"""Refresh tokens: exchanged, lost, stolen, and all of it at the same time."""

import asyncio
from datetime import timedelta

import pytest
from common.testing.waiting import eventually


async def test_refreshing_gives_the_next_pair_of_the_same_session(house):
    """MP-03, PG-02, TB-06."""
    ada = await house.register()
    got = await house.refresh(ada.refresh_token)
    assert got.status == 200
    assert got.body["refresh_token"] != ada.refresh_token
    identity = await house.verified(got.body["access_token"])
    assert (identity.account_id, identity.session_id) == (ada.id, ada.session_id)
    assert (await house.refresh(got.body["refresh_token"])).status == 200


@pytest.mark.parametrize("token", ["", "x", "é", "a.b.c", "A" * 70, "A" * 71, "=" * 70])
async def test_what_is_no_refresh_token_is_401(house, token):
    got = await house.refresh(token)
    assert (got.status, got.code) == (401, "invalid_refresh_token")


async def test_an_access_token_refreshes_nothing(house):
    """MP-03."""
    ada = await house.register()
    assert (await house.refresh(ada.access_token)).code == "invalid_refresh_token"


async def test_a_token_of_another_session_with_its_proof_replaced_is_refused(house):
    ada, eve = await house.register(), await house.register()
    forged = ada.refresh_token[:27] + eve.refresh_token[27:]
    assert (await house.refresh(forged)).status == 401
    assert (await house.refresh(ada.refresh_token)).status == 200


async def test_twenty_refreshes_at_once_give_one_successor(house):
    ada = await house.register()
    answers = await asyncio.gather(*(house.refresh(ada.refresh_token) for _ in range(20)))
    assert {a.status for a in answers} == {200}
    successors = {a.body["refresh_token"] for a in answers}
    assert len(successors) == 1
    assert (await house.refresh(successors.pop())).status == 200


async def test_an_answer_that_was_lost_can_be_had_again_for_ten_seconds(house):
    ada = await house.register()
    first = await house.refresh(ada.refresh_token)
    house.clock.advance(timedelta(seconds=9))
    again = await house.refresh(ada.refresh_token)
    assert again.body["refresh_token"] == first.body["refresh_token"]


async def test_a_token_that_comes_again_later_ends_the_session_and_is_told(house):
    """PG-02, TB-06: reuse ends the family, is recorded and mailed."""
    ada = await house.register()
    first = await house.refresh(ada.refresh_token)
    house.clock.advance(timedelta(seconds=10))
    stolen = await house.refresh(ada.refresh_token)
    assert (stolen.status, stolen.code) == (401, "invalid_refresh_token")
    assert (await house.refresh(first.body["refresh_token"])).status == 401
    types = await house.fetch(
        "select type from events where stream = $1 order by version", f"session-{ada.session_id}"
    )
    assert [t["type"] for t in types][-2:] == ["auth.refresh_token_reused", "auth.session_ended"]
    mails = await house.mails_to(ada.email, 2)
    assert [m["Subject"] for m in mails][-1] == "We ended one of your sessions"
    assert (await house.login(ada)).session_id != ada.session_id


async def test_reuse_while_the_thief_rotates_leaves_nobody_a_token(house):
    ada = await house.register()
    token = (await house.refresh(ada.refresh_token)).body["refresh_token"]
    for _ in range(3):
        token = (await house.refresh(token)).body["refresh_token"]
    answers = await asyncio.gather(
        house.refresh(token), house.refresh(ada.refresh_token), house.refresh(token)
    )
    assert answers[1].status == 401
    for answer in (answers[0], answers[2]):
        if answer.status == 200:
            assert (await house.refresh(answer.body["refresh_token"])).status == 401
    assert (await house.refresh(token)).status == 401


async def test_a_logout_during_refreshes_ends_the_session_for_all_of_them(house):
    ada = await house.register()
    answers = await asyncio.gather(
        *(house.refresh(ada.refresh_token) for _ in range(5)),
        house.post("logout", who=ada),
        *(house.refresh(ada.refresh_token) for _ in range(5)),
    )
    assert {a.status for a in answers} <= {200, 204, 401}
    for answer in answers:
        if answer.status == 200:
            assert (await house.refresh(answer.body["refresh_token"])).status == 401


async def test_a_session_whose_row_is_held_too_long_is_a_conflict_and_no_failure(house):
    ada = await house.register()
    async with house.kernel.database.transaction() as transaction:
        await transaction.connection.execute(
            "select 1 from sessions where session_id = $1 for update", ada.session_id
        )
        got = await house.refresh(ada.refresh_token)
    assert (got.status, got.code) == (409, "conflict")
    assert (await house.refresh(ada.refresh_token)).status == 200


async def test_a_database_that_goes_away_during_a_refresh_is_503_and_a_repeat_is_harmless(house):
    """The session's row is held, so the refresh waits; then its connection is cut."""
    ada = await house.register()
    async with house.kernel.database.transaction() as transaction:
        held = transaction.connection
        await held.execute(
            "select 1 from sessions where session_id = $1 for update", ada.session_id
        )
        waiting = asyncio.create_task(house.refresh(ada.refresh_token))

        async with house.kernel.database.owner() as owner:
            await eventually(lambda: owner.fetch(CUT), what="the refresh that waits")
        got = await waiting
    assert (got.status, got.code) == (503, "unavailable")
    assert (await house.refresh(ada.refresh_token)).status == 200


CUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
     where wait_event_type = 'Lock' and query like '%sessions%' and datname = current_database()"""
