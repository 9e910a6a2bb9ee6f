"""A token is believed only while it is good, and then once verified it costs nothing."""

from datetime import timedelta
from functools import partial

import orjson
import pytest
from common.access_tokens import SigningKey, jwks
from common.ids import uuid7
from common.testing.waiting import eventually
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway.http_forwarding import HttpUpstream

JWKS = "/.well-known/jwks.json"


async def test_a_caller_reaches_the_service_as_whom_the_token_says(world):
    account = uuid7()
    got = await world.get("/api/v1/cards/", world.token(account, roles=frozenset({"admin"})))
    assert got.status == 200
    caller = world.service.calls[0].caller
    assert (caller.account_id, caller.roles) == (account, frozenset({"admin"}))


async def test_no_token_is_401_and_says_how_to_come_in(world):
    got = await world.get("/api/v1/cards/")
    assert (got.status, got.code) == (401, "unauthenticated")
    assert got.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/api/v1/cards/", "/api/v1/cards/x/vcard"])
@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "Bearer x"])
async def test_a_malformed_token_is_401_invalid_token(world, path, token):
    got = await world.get(path, token)
    assert (got.status, got.code) == (401, "invalid_token")
    assert got.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert world.service.calls == []


async def test_a_forged_token_is_refused(world):
    forger = SigningKey("first", Ed25519PrivateKey.generate())
    got = await world.get("/api/v1/cards/", world.token(key=forger))
    assert (got.status, got.code) == (401, "invalid_token")


@pytest.mark.parametrize("claim", [{"issuer": "else"}, {"audience": "else"}])
async def test_a_token_of_another_house_is_refused(world, claim):
    got = await world.get("/api/v1/cards/", world.token(**claim))
    assert got.code == "invalid_token"


async def test_an_expired_token_is_refused_although_it_was_remembered(world):
    token = world.token()
    assert (await world.get("/api/v1/cards/", token)).status == 200
    world.clock.advance(timedelta(minutes=10, seconds=6))
    got = await world.get("/api/v1/cards/", token)
    assert (got.status, got.code) == (401, "invalid_token")


async def test_an_open_route_does_not_look_at_a_token(world):
    got = await world.get("/view/x", "nonsense")
    assert got.status == 200
    assert world.service.calls[0].caller is None


async def test_an_optional_token_is_used_if_it_is_sent(world):
    account = uuid7()
    await world.get("/api/v1/cards/x/vcard")
    await world.get("/api/v1/cards/x/vcard", world.token(account))
    anonymous, known = world.service.calls
    assert anonymous.caller is None
    assert known.caller.account_id == account


async def test_an_admin_route_is_403_without_the_role(world):
    refused = await world.get("/admin", world.token())
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await world.get("/admin", world.token(roles=frozenset({"admin"})))).status == 200


def later(world, **by):
    return (world.clock.now() + timedelta(**by)).isoformat()


async def end(world, session):
    data = {"session_id": str(session), "tokens_expire_at": later(world, minutes=10)}
    await world.exchange.tell("auth.session_ended.v1", f"session-{session}", data)


async def suspend(world, account):
    data = {"account_id": str(account), "tokens_expire_at": later(world, minutes=10)}
    await world.exchange.tell("auth.account_suspended.v1", f"account-{account}", data)


async def test_an_ended_session_is_refused_at_once(world):
    session = uuid7()
    token = world.token(session_id=session)
    assert (await world.get("/api/v1/cards/", token)).status == 200
    await end(world, session)
    got = await world.get("/api/v1/cards/", token)
    assert (got.status, got.code) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/logout"), ("DELETE", "/api/v1/auth/me")]
)
async def test_who_has_gone_is_refused_before_any_message_comes(world, method, path):
    gone, here = world.token(), world.token()
    assert (await world.ask(method, path, gone)).status == 200
    got = await world.get("/api/v1/cards/", gone)
    assert (got.status, got.code) == (401, "invalid_token")
    assert (await world.get("/api/v1/cards/", here)).status == 200


async def test_who_was_not_let_go_stays(world):
    token = world.token()
    world.service.answers("/api/v1/auth/me", b"{}", 403)
    await world.ask("DELETE", "/api/v1/auth/me", token)
    assert (await world.get("/api/v1/cards/", token)).status == 200


async def test_an_ended_session_is_remembered_until_its_tokens_have_expired(world):
    session = uuid7()
    await end(world, session)
    world.clock.advance(timedelta(minutes=9, seconds=59))
    token = world.token(session_id=session, now=world.clock.now() - timedelta(minutes=9))
    await end(world, uuid7())
    assert (await world.get("/api/v1/cards/", token)).status == 401


async def test_an_erased_account_is_refused_in_all_its_sessions(world):
    account = uuid7()
    tokens = [world.token(account), world.token(account)]
    data = {"account_id": str(account), "erased_at": later(world)}
    await world.exchange.tell("auth.account_erased.v1", f"account-{account}", data)
    assert [(await world.get("/api/v1/cards/", t)).status for t in tokens] == [401, 401]


async def test_a_suspended_account_is_shut_out_until_it_is_activated(world):
    """MP-05."""
    account = uuid7()
    token = world.token(account)
    assert (await world.get("/api/v1/cards/", token)).status == 200
    await suspend(world, account)
    got = await world.get("/api/v1/cards/", token)
    assert (got.status, got.code) == (403, "account_suspended")
    data = {"account_id": str(account)}
    await world.exchange.tell("auth.account_activated.v1", f"account-{account}", data)
    assert (await world.get("/api/v1/cards/", token)).status == 200


async def test_a_gateway_that_starts_knows_which_sessions_ended_before(before, service):
    session = uuid7()
    ended = {"session_id": str(session), "tokens_expire_at": "2026-03-01T12:10:00Z"}
    service.ended.append(ended)
    async with before(partial(HttpUpstream, service.url), service) as world:
        got = await world.get("/api/v1/cards/", world.token(session_id=session))
        assert (got.status, got.code) == (401, "invalid_token")


async def test_a_gateway_that_cannot_learn_of_ended_sessions_is_not_ready(before, service):
    service.answers("/internal/ended-sessions", b"{}", 500)
    async with before(partial(HttpUpstream, service.url), service, ready=False) as world:

        async def knows_the_keys():
            missing = orjson.loads((await world.get("/readyz")).body)["missing"]
            return missing == ["ended sessions"]

        await eventually(knows_the_keys, what="the keys")
        service.answers("/internal/ended-sessions", b"[]")
        await eventually(world.ready, what="readiness")


async def test_while_the_broker_is_away_auth_is_asked_what_has_ended(elsewhere):
    world, session = elsewhere, uuid7()
    token = world.token(session_id=session)
    world.exchange.connection(False)
    world.service.ended.append(
        {"session_id": str(session), "tokens_expire_at": later(world, minutes=10)}
    )

    async def refused():
        return (await world.get("/api/v1/cards/", token)).status == 401

    await eventually(refused, what="the end of the session")


async def test_who_was_let_in_while_the_broker_was_away_comes_in(elsewhere):
    world, account = elsewhere, uuid7()
    await suspend(world, account)
    assert (await world.get("/api/v1/cards/", world.token(account))).status == 403
    world.exchange.connection(False)
    world.exchange.connection(True)

    async def let_in():
        return (await world.get("/api/v1/cards/", world.token(account))).status == 200

    await eventually(let_in, what="the open door")


async def test_a_new_signing_key_is_learnt_when_a_token_names_it(world):
    second = SigningKey("second", Ed25519PrivateKey.generate())
    world.service.published_keys["second"] = second.private.public_key()
    assert (await world.get("/api/v1/cards/", world.token(key=second))).status == 200
    assert len(world.service.asked(JWKS)) == 1


async def test_unknown_keys_make_auth_be_asked_once_in_thirty_seconds(world):
    unknown = SigningKey("nobody", Ed25519PrivateKey.generate())
    for _ in range(5):
        got = await world.get("/api/v1/cards/", world.token(key=unknown))
        assert (got.status, got.code) == (401, "invalid_token")
    assert len(world.service.asked(JWKS)) == 1
    world.clock.advance(timedelta(seconds=31))
    await world.get("/api/v1/cards/", world.token(key=unknown))
    assert len(world.service.asked(JWKS)) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (200, b"no json"), (200, b'{"keys":[]}'), (200, b'{"keys":[{"kty":"OKP"}]}')],
)
async def test_good_keys_survive_an_auth_that_talks_nonsense(world, status, body):
    world.service.answers(JWKS, body, status)
    unknown = SigningKey("nobody", Ed25519PrivateKey.generate())
    assert (await world.get("/api/v1/cards/", world.token(key=unknown))).status == 401
    assert len(world.service.asked(JWKS)) == 1
    assert (await world.get("/api/v1/cards/", world.token())).status == 200


async def test_a_withdrawn_key_takes_its_remembered_tokens_along(world):
    token = world.token()
    assert (await world.get("/api/v1/cards/", token)).status == 200
    second = SigningKey("second", Ed25519PrivateKey.generate())
    world.service.answers(JWKS, orjson.dumps(jwks({"second": second.private.public_key()})))
    assert (await world.get("/api/v1/cards/", world.token(key=second))).status == 200
    assert (await world.get("/api/v1/cards/", token)).status == 401
