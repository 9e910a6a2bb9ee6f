"""Kept answers are true: purged by events and by own writes, never leaked, never stored stale."""

from datetime import timedelta

import pytest
from common.ids import uuid7

CARD = "/api/v1/cards/1/vcard"
PUBLIC = {"cache_tags": "card/1", "cache_control": "public, no-cache", "etag": '"1"'}
PRIVATE = {**PUBLIC, "cache_control": "private"}
MISS, STORED, HIT = (
    "cartulary; fwd=miss",
    "cartulary; fwd=miss; stored",
    "cartulary; hit",
)


async def test_the_second_read_is_a_hit_with_the_same_answer(world):
    world.service.answers(CARD, b"card", content_type="text/vcard", **PUBLIC)
    first, second = await world.get(CARD), await world.get(CARD)
    assert (first.cache, second.cache) == (STORED, HIT)
    assert first.body == second.body == b"card"
    assert second.headers["content-type"] == "text/vcard"
    assert second.headers["age"] == "0"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert len(world.service.asked(CARD)) == 1


@pytest.mark.parametrize("sent", ['"1"', 'W/"1"', '"0", "1"', "*"])
async def test_a_known_version_is_answered_304_without_the_service(world, sent):
    world.service.answers(CARD, b"card", **PUBLIC)
    first = await world.get(CARD, if_none_match=sent)
    second = await world.get(CARD, if_none_match=sent)
    other = await world.get(CARD, if_none_match='"2"')
    assert [got.status for got in (first, second, other)] == [304, 304, 200]
    assert (second.body, second.headers["etag"]) == (b"", '"1"')
    assert len(world.service.asked(CARD)) == 1


async def test_a_read_with_conditions_fills_the_cache_with_the_whole_answer(world):
    world.service.answers(CARD, b"card", **PUBLIC)
    await world.get(CARD, if_none_match='"0"', range="bytes=0-1")
    assert not world.service.calls[0].names & {"if-none-match", "range"}
    assert (await world.get(CARD)).body == b"card"


async def test_a_message_about_the_thing_purges_it(world):
    world.service.answers(CARD, b"old", **PUBLIC)
    await world.get(CARD)
    world.service.answers(CARD, b"new", **PUBLIC)
    await world.exchange.tell("cards.card_changed.v1", "card-2")
    assert (await world.get(CARD)).body == b"old"
    await world.exchange.tell("cards.card_changed.v1", "card-1")
    assert (await world.get(CARD)).body == b"new"


async def test_a_message_about_one_of_a_kind_purges_the_lists_of_that_kind(world):
    listed = {**PUBLIC, "cache_tags": "plan, plan_category"}
    world.service.answers(CARD, b"two plans", **listed)
    await world.get(CARD)
    world.service.answers(CARD, b"three plans", **listed)
    await world.exchange.tell("cards.card_changed.v1", "card-1")
    assert (await world.get(CARD)).body == b"two plans"
    await world.exchange.tell("billing.plan_changed.v1", "plan-3")
    assert (await world.get(CARD)).body == b"three plans"


async def test_a_message_that_cannot_be_read_changes_nothing(world):
    world.service.answers(CARD, b"card", **PUBLIC)
    await world.get(CARD)
    await world.exchange.send_raw("x", b"\x00nonsense")
    await world.exchange.tell("auth.session_ended.v1", "account-1", {"session_id": 7})
    assert (await world.get(CARD)).cache == HIT


async def test_an_own_write_purges_what_its_answer_names_before_it_is_answered(world):
    token = world.token()
    world.service.answers(CARD, b"old", **PUBLIC)
    await world.get(CARD)
    world.service.answers(CARD, b"new", **PUBLIC)
    world.service.answers("/api/v1/cards/1", cache_tags="other/1, card/1")
    await world.ask("PATCH", "/api/v1/cards/1", token, data=b"{}")
    assert (await world.get(CARD)).body == b"new"


async def test_a_refused_write_purges_nothing(world):
    world.service.answers(CARD, b"card", **PUBLIC)
    await world.get(CARD)
    world.service.answers("/api/v1/cards/1", status=409, cache_tags="card/1")
    await world.ask("PATCH", "/api/v1/cards/1", world.token(), data=b"{}")
    assert (await world.get(CARD)).cache == HIT


async def test_private_answers_are_kept_for_their_reader_alone(world):
    async def own(seen):
        account = seen.caller.account_id if seen.caller else "nobody"
        return world.service.reply(str(account).encode(), **PRIVATE)

    world.service.replies[CARD] = own
    mine, yours = uuid7(), uuid7()
    for _ in range(2):
        assert (await world.get(CARD, world.token(mine))).body == str(mine).encode()
        assert (await world.get(CARD, world.token(yours))).body == str(yours).encode()
        assert (await world.get(CARD)).body == b"nobody"
    assert len(world.service.asked(CARD)) == 4  # two kept; nobody's private answer is not


async def test_what_an_anonymous_reader_got_serves_known_ones_too(world):
    world.service.answers(CARD, b"card", **PUBLIC)
    await world.get(CARD)
    assert (await world.get(CARD, world.token())).cache == HIT


async def test_a_kept_answer_needs_a_good_token_all_the_same(world):
    card = "/api/v1/cards/1"
    world.service.answers(card, b"card", **PUBLIC)
    await world.get(card, world.token())
    assert (await world.get(card)).status == 401
    assert (await world.get(CARD, "nonsense")).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {**PUBLIC, "cache_tags": ""},
        {**PUBLIC, "cache_control": "max-age=60"},
        {**PUBLIC, "cache_control": "public, no-store"},
        {**PUBLIC, "cache_control": "public, private"},
        {**PUBLIC, "vary": "Cookie"},
        {**PUBLIC, "vary": "*"},
        {**PUBLIC, "set_cookie": "a=b"},
    ],
)
async def test_what_a_service_does_not_release_is_not_kept(world, headers):
    world.service.answers(CARD, b"card", **headers)
    assert [(await world.get(CARD)).cache for _ in range(2)] == [MISS, MISS]


async def test_errors_are_not_kept(world):
    world.service.answers(CARD, b"{}", 404, **PUBLIC)
    assert [(await world.get(CARD)).status for _ in range(2)] == [404, 404]
    assert len(world.service.asked(CARD)) == 2


async def test_languages_lie_apart_where_the_answer_differs_by_them(world):
    async def speak(seen):
        language = dict(seen.headers).get("accept-language", "en").encode()
        return world.service.reply(language, vary="Accept-Language", **PUBLIC)

    world.service.replies["/view/1"] = speak
    for language in ("fr", "en", "fr"):
        got = await world.get("/view/1", accept_language=language)
        assert got.body == language.encode()
    assert got.cache == HIT


async def test_unknown_query_names_do_not_make_other_entries(world):
    world.service.answers("/plain", **PUBLIC)
    await world.get("/plain?page=1")
    assert (await world.get("/plain?x=1&page=1&y")).cache == HIT
    assert (await world.get("/plain?page=2")).cache == STORED


async def test_an_answer_is_kept_no_longer_than_its_rule_says(world):
    world.service.answers(CARD, **PUBLIC)
    await world.get(CARD)
    world.clock.advance(timedelta(seconds=299))
    hit = await world.get(CARD)
    assert (hit.cache, hit.headers["age"]) == (HIT, "299")
    world.clock.advance(timedelta(seconds=1))
    assert (await world.get(CARD)).cache == STORED


async def test_a_large_answer_passes_whole_and_is_not_kept(world):
    large = b"x" * 3_000_000
    world.service.answers(CARD, large, **PUBLIC)
    for _ in range(2):
        got = await world.get(CARD)
        assert (got.body, got.cache) == (large, MISS)


async def test_a_lost_connection_empties_the_cache_and_switches_it_off(world):
    world.service.answers(CARD, b"old", **PUBLIC)
    await world.get(CARD)
    world.exchange.connection(False)
    world.service.answers(CARD, b"new", **PUBLIC)
    for _ in range(2):
        got = await world.get(CARD)
        assert (got.body, got.cache) == (b"new", "cartulary; fwd=bypass")
    world.exchange.connection(True)
    assert [(await world.get(CARD)).cache for _ in range(2)] == [STORED, HIT]


async def test_a_message_about_a_person_purges_the_private_answers_of_that_person(world):
    reader = uuid7()
    world.service.answers(CARD, b"old", **PRIVATE)
    token = world.token(reader)
    await world.get(CARD, token)
    world.service.answers(CARD, b"new", **PRIVATE)
    await world.exchange.tell("billing.plan_changed.v1", "plan-1", person=reader)
    assert (await world.get(CARD, token)).body == b"new"


async def test_head_fills_and_hits_like_get(world):
    world.service.answers(CARD, b"card", **PUBLIC)
    first = await world.ask("HEAD", CARD)
    second = await world.get(CARD)
    assert (first.cache, first.body, second.cache) == (STORED, b"", HIT)
