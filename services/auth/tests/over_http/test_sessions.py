"""Sessions over HTTP: to recognise, to end one by one or all others, to tell to gateways."""

from datetime import timedelta

import pytest
from common.testing.waiting import eventually

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SESSIONS = "/api/v1/auth/sessions"


async def listed(house, who, **query):
    path = SESSIONS + "?" + "&".join(f"{k}={v}" for k, v in query.items())
    return await house.ask("GET", path, who=who)


async def test_sessions_are_listed_with_device_place_and_use(house):
    ada = await house.register()
    phone = await house.login(ada, user_agent=FIREFOX, address="2001:db8:1:2::3")
    house.clock.advance(timedelta(minutes=5))
    await house.refresh(phone.refresh_token)
    got = await listed(house, phone)
    first, second = got.body["items"]
    assert got.body["total"] == 2
    assert (first["id"], first["current"]) == (str(phone.session_id), True)
    assert (first["device"], first["place"]) == ("Firefox on Linux", "2001:db8:1::/48")
    assert first["used_at"] > first["started_at"]
    assert (second["id"], second["current"]) == (str(ada.session_id), False)
    assert second["place"] == "192.0.2.0/24"


async def test_sessions_come_in_pages(house):
    ada = await house.register()
    for _ in range(2):
        await house.login(ada)
    got = await listed(house, ada, page=2, per_page=2)
    assert (len(got.body["items"]), got.body["total"]) == (1, 3)
    assert (await listed(house, ada, per_page=101)).status == 422


async def test_a_session_that_nobody_used_for_a_month_is_not_listed(house):
    ada = await house.register()
    house.clock.advance(timedelta(days=30))
    again = await house.login(ada)
    assert [s["id"] for s in (await listed(house, again)).body["items"]] == [str(again.session_id)]


async def test_one_session_is_ended_and_ending_it_again_is_no_error(house):
    ada = await house.register()
    lost = await house.login(ada)
    for _ in range(2):
        assert (await house.ask("DELETE", f"{SESSIONS}/{lost.session_id}", who=ada)).status == 204
    assert (await house.refresh(lost.refresh_token)).status == 401
    assert (await house.refresh(ada.refresh_token)).status == 200


@pytest.mark.parametrize("id", ["x", "0", "01990000-0000-7000-8000-0000000000ff"])
async def test_what_is_no_session_is_404(house, id):
    ada = await house.register()
    got = await house.ask("DELETE", f"{SESSIONS}/{id}", who=ada)
    assert (got.status, got.code) == (404, "not_found")


async def test_another_s_session_is_404_and_lives_on(house):
    ada, eve = await house.register(), await house.register()
    got = await house.ask("DELETE", f"{SESSIONS}/{ada.session_id}", who=eve)
    assert (got.status, got.code) == (404, "not_found")
    assert (await house.refresh(ada.refresh_token)).status == 200


async def test_all_other_sessions_are_ended_at_once(house):
    ada = await house.register()
    others = [await house.login(ada) for _ in range(3)]
    for _ in range(2):
        assert (await house.ask("DELETE", SESSIONS, who=ada)).status == 204
    assert {(await house.refresh(o.refresh_token)).status for o in others} == {401}
    assert (await listed(house, ada)).body["total"] == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_sessions_are_nobody_s_business(house, method):
    assert (await house.ask(method, SESSIONS)).status == 401


async def test_the_end_of_a_session_is_published_with_when_its_tokens_expire(house):
    ada = await house.register()
    await house.post("logout", who=ada)

    async def heard():
        return [m for m in house.heard if m.subject == f"session/{ada.session_id}"]

    [message] = await eventually(heard, what="the message")
    assert message.type == "auth.session_ended.v1"
    assert message.data["account_id"] == str(ada.id)
    assert message.data["tokens_expire_at"] > message.data["ended_at"]


async def test_a_gateway_that_starts_learns_the_ends_whose_tokens_are_still_about(house):
    ada, bob = await house.register(), await house.register()
    await house.post("logout", who=ada)
    house.clock.advance(timedelta(minutes=10))
    await house.post("logout", who=bob)
    secret = house.settings.internal_secret.get_secret_value()
    got = await house.ask("GET", "/internal/ended-sessions", authorization=f"Bearer {secret}")
    ended = {item["session_id"] for item in got.body}
    assert str(bob.session_id) in ended
    assert str(ada.session_id) not in ended


async def test_ended_sessions_are_told_to_no_stranger(house):
    for authorization in ("", "Bearer wrong"):
        got = await house.ask("GET", "/internal/ended-sessions", authorization=authorization)
        assert (got.status, got.code) == (403, "forbidden")
