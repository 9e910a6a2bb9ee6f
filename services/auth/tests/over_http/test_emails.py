"""Addresses: confirmed by a link, moved with the new one's consent, taken back by the old one."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from auth.processes.release_a_former_address import RELEASE_A_FORMER_ADDRESS
from common.timers import Timers

PASSWORD = "a long enough secret"


def somewhere():
    return f"{uuid4().hex}@example.org"


async def me(house, who):
    return (await house.ask("GET", "/api/v1/auth/me", who=who)).body


async def follow(house, page, token):
    return await house.post(f"email/{page}", {"token": token})


async def want(house, who, email, password=PASSWORD):
    return await house.post("email/change", {"email": email, "password": password}, who=who)


async def moved(house):
    """Somebody who has moved, their new address, and the old one's link to undo it."""
    ada, new = await house.register(), somewhere()
    assert (await want(house, ada, new)).status == 202
    undo = await house.link(ada.email, "undo")
    got = await follow(house, "confirm", await house.link(new, "confirm"))
    assert (got.status, got.headers["cache-tags"]) == (204, f"account/{ada.id}")
    return ada, new, undo


async def test_the_greeting_s_link_confirms_the_address(house):
    ada = await house.register()
    token = await house.link(ada.email, "verify")
    assert (await me(house, ada))["email_verified"] is False
    assert (await follow(house, "verify", token)).status == 204
    assert (await me(house, ada))["email_verified"] is True
    again = await follow(house, "verify", token)
    assert (again.status, again.code) == (422, "link_used")


async def test_the_greeting_speaks_the_language_of_the_account(house):
    ada = await house.register(locale="fr", name="Ada")
    [mail] = await house.mails_to(ada.email)
    assert mail["Subject"] == "Bienvenue chez Cartulary"


async def test_another_link_replaces_the_first_and_not_within_a_minute(house):
    ada = await house.register()
    first = await house.link(ada.email, "verify")
    assert (await house.post("email/resend", who=ada)).status == 202
    house.clock.advance(timedelta(minutes=1))
    assert (await house.post("email/resend", who=ada)).status == 202
    second = await house.link(ada.email, "verify", 2)
    assert (await follow(house, "verify", first)).code == "link_used"
    assert (await follow(house, "verify", second)).status == 204


async def test_moving_needs_the_password_and_the_new_address_s_consent(house):
    ada, new = await house.register(), somewhere()
    assert (await want(house, ada, new, "not the right one")).code == "wrong_password"
    assert (await want(house, ada, new)).status == 202
    assert (await me(house, ada))["email"] == ada.email
    token = await house.link(new, "confirm")
    assert (await follow(house, "verify", token)).code == "link_invalid"
    assert (await follow(house, "confirm", token)).status == 204
    now = await me(house, ada)
    assert (now["email"], now["email_verified"]) == (new, True)
    body = {"email": new, "password": PASSWORD}
    assert (await house.post("login", body)).status == 200
    assert (await house.post("login", {**body, "email": ada.email})).status == 401


@pytest.mark.parametrize("email", ["no address", "", None, "x" * 250 + "@example.org"])
async def test_what_is_no_address_is_422(house, email):
    ada = await house.register()
    got = await want(house, ada, email)
    assert (got.status, got.code) == (422, "invalid")


async def test_a_taken_address_is_refused_when_asking_and_when_confirming(house):
    ada, eve, new = await house.register(), await house.register(), somewhere()
    got = await want(house, ada, eve.email.upper())
    assert (got.status, got.code) == (409, "email_taken")
    assert (await want(house, ada, new)).status == 202
    token = await house.link(new, "confirm")
    await house.register(new)
    late = await follow(house, "confirm", token)
    assert (late.status, late.code) == (409, "email_taken")
    assert (await me(house, ada))["email"] == ada.email


async def test_two_who_want_the_same_address_at_once_are_told_apart(house):
    people, new = [await house.register() for _ in range(4)], somewhere()
    for person in people:
        assert (await want(house, person, new)).status == 202
    tokens = await house.links(new, "confirm", 4)
    answers = await asyncio.gather(*(follow(house, "confirm", token) for token in tokens))
    assert sorted(a.status for a in answers) == [204, 409, 409, 409]


async def test_the_old_address_stops_a_change_before_it_is_confirmed(house):
    ada, new = await house.register(), somewhere()
    await want(house, ada, new)
    confirm = await house.link(new, "confirm")
    assert (await follow(house, "undo", await house.link(ada.email, "undo"))).status == 204
    assert (await follow(house, "confirm", confirm)).code == "link_used"
    assert (await house.refresh(ada.refresh_token)).status == 401


async def test_the_old_address_takes_the_account_back_and_chooses_a_new_password(house):
    """A thief who knew the password and moved the account away gains nothing lasting."""
    ada, new, undo = await moved(house)
    house.clock.advance(timedelta(days=6))
    assert (await follow(house, "undo", undo)).status == 204
    assert (await house.refresh(ada.refresh_token)).status == 401
    reset = await house.link(ada.email, "reset")
    body = {"token": reset, "password": "the owner's own new one"}
    assert (await house.post("password/reset", body)).status == 204
    back = await house.login(ada, "the owner's own new one")
    assert (await me(house, back))["email"] == ada.email
    assert (await house.register(new)).email == new
    assert (await follow(house, "undo", undo)).code == "link_used"


async def test_the_old_address_is_reserved_while_it_may_object(house):
    """Else the thief would register it and so bar the way back."""
    ada, _, _ = await moved(house)
    got = await house.post("register", {"email": ada.email, "password": PASSWORD})
    assert (got.status, got.code) == (409, "email_taken")
    eve = await house.register()
    assert (await want(house, eve, ada.email)).code == "email_taken"


async def test_after_seven_days_the_old_address_is_free(house):
    ada, _, undo = await moved(house)
    house.clock.advance(timedelta(days=7))
    timers = Timers(house.kernel.commands, RELEASE_A_FORMER_ADDRESS, house.clock)
    while await timers.step():
        pass
    assert (await follow(house, "undo", undo)).code == "link_used"
    assert (await house.register(ada.email)).id != ada.id


async def test_one_may_move_back_to_an_address_of_ones_own(house):
    ada, new, _ = await moved(house)
    assert (await want(house, ada, ada.email)).status == 202
    back = await house.link(ada.email, "confirm")
    assert (await follow(house, "confirm", back)).status == 204
    assert (await me(house, ada))["email"] == ada.email
    got = await house.post("register", {"email": new, "password": PASSWORD})
    assert got.code == "email_taken"


async def test_links_of_an_erased_account_lead_nowhere(house):
    ada, new = await house.register(), somewhere()
    await want(house, ada, new)
    verify = await house.link(ada.email, "verify")
    confirm, undo = await house.link(new, "confirm"), await house.link(ada.email, "undo")
    await house.post("password/forgot", {"email": ada.email})
    reset = await house.link(ada.email, "reset")
    gone = await house.ask("DELETE", "/api/v1/auth/me", {"password": PASSWORD}, who=ada)
    assert gone.status == 204
    for page, token in (("verify", verify), ("confirm", confirm), ("undo", undo)):
        assert (await follow(house, page, token)).code == "link_invalid"
    body = {"token": reset, "password": "a third long enough secret"}
    assert (await house.post("password/reset", body)).code == "link_invalid"


@pytest.mark.parametrize("page", ["verify", "confirm", "undo"])
@pytest.mark.parametrize("token", ["", "x", "é", "A" * 86, "A" * 500, None, 7])
async def test_what_is_no_link_of_ours_is_422(house, page, token):
    got = await follow(house, page, token)
    assert got.status == 422
    assert got.code in ("link_invalid", "invalid")
