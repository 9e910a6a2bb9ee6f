"""Nothing unknown comes in, nothing internal goes out."""

import asyncio
from functools import partial
from uuid import UUID

import pytest
from common.access_tokens import CLIENT_HEADER, IDENTITY_HEADER, InternalTokens
from common.ids import uuid7
from gateway.forwarding import InProcessUpstream
from gateway.hygiene import known_query, outward, read_headers
from gateway.settings import GatewaySettings


async def say(world, *lines, body=b"", host=("Host: x",)):
    """Send a request as bytes; the status line's number and all that followed."""
    address, port = world.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    head = "\r\n".join([*lines, *host, "Connection: close", "", ""])
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer


async def test_an_identity_from_outside_is_never_believed(world):
    forged = {IDENTITY_HEADER: "forged", "Cartulary_Identity": "forged"}
    async with world.client.get(world.url + "/view/x", headers=forged) as got:
        assert got.status == 200
    [seen] = world.service.calls
    assert not {name for name in seen.names if "identity" in name}


async def test_a_forged_identity_beside_a_real_token_is_replaced_by_the_real_one(world):
    account = uuid7()
    got = await world.get("/api/v1/cards/", world.token(account), cartulary_identity="forged")
    assert got.status == 200
    [seen] = world.service.calls
    assert [name for name, _ in seen.headers].count(IDENTITY_HEADER) == 1
    assert seen.caller.account_id == account


async def test_forwarding_headers_from_outside_are_replaced_by_the_peers_address(world):
    lies = {
        "x-forwarded-for": "8.8.8.8",
        "x-forwarded-host": "evil",
        "x-real-ip": "8.8.8.8",
        "forwarded": "for=8.8.8.8",
        "x_forwarded_for": "8.8.8.8",
    }
    async with world.client.get(world.url + "/view/x", headers=lies) as got:
        assert got.status == 200
    [seen] = world.service.calls
    assert [v for n, v in seen.headers if n == "x-forwarded-for"] == ["127.0.0.1"]
    assert not seen.names & (lies.keys() - {"x-forwarded-for"})


async def test_the_service_learns_the_peers_address_from_the_gateway_alone(world):
    forged = InternalTokens("another secret of thirty-two characters").sign_client("8.8.8.8")
    async with world.client.get(world.url + "/view/x", headers={CLIENT_HEADER: forged}) as got:
        assert got.status == 200
    [seen] = world.service.calls
    [signed] = [value for name, value in seen.headers if name == CLIENT_HEADER]
    secret = GatewaySettings().internal_secret.get_secret_value()
    assert InternalTokens(secret).client(signed) == "127.0.0.1"


async def test_unknown_headers_and_the_access_token_stay_outside(world):
    await world.get("/api/v1/cards/", world.token(), cookie="a=b", x_anything="1", origin="x")
    [seen] = world.service.calls
    assert not seen.names & {"cookie", "x-anything", "origin", "authorization", "accept-encoding"}


async def test_known_headers_pass_with_ids_of_the_request(world):
    sent = {"if-match": '"7"', "idempotency-key": "k", "content-type": "application/json"}
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    headers = {**sent, "traceparent": trace, "x-request-id": "mine"}
    async with world.client.post(world.url + "/quick", headers=headers, data=b"[]") as got:
        assert got.headers["x-request-id"] == "mine"
    [seen] = world.service.calls
    assert {**sent, "traceparent": trace, "x-request-id": "mine"}.items() <= dict(
        seen.headers
    ).items()
    assert seen.body == b"[]"


async def test_what_connection_names_goes_no_further(world):
    status, _ = await say(
        world, "GET /stream HTTP/1.1", 'If-Match: "7"', "Connection: close, if-match"
    )
    assert status == 200
    assert "if-match" not in world.service.calls[0].names


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "X-Request-Id", "Host"])
async def test_a_header_with_one_value_sent_twice_is_refused(world, name):
    status, answer = await say(world, "GET /view/x HTTP/1.1", f"{name}: a", f"{name}: b")
    assert status == 400
    assert b"duplicate_header" in answer
    assert world.service.calls == []


@pytest.mark.parametrize(
    "host",
    [
        (),
        ("Host:",),
        ("Host: cards.example, evil.example",),
        ("Host: cards.example/path",),
        ("Host: user@cards.example",),
        ("Host: cards.example:http",),
        ("Host: [::1",),
        ("Host: a b",),
        ("Host: %zz",),
    ],
    ids=lambda host: " ".join(host) or "none",
)
async def test_a_request_that_does_not_name_its_host_is_refused(world, host):
    status, answer = await say(world, "GET /view/x HTTP/1.1", host=host)
    assert status == 400
    assert b'"invalid_host"' in answer
    assert world.service.calls == []


@pytest.mark.parametrize("host", ["cards.example", "CARDS.example.:8080", "[::1]:80", "x_y", "%41"])
async def test_a_name_or_an_address_with_or_without_a_port_is_a_host(world, host):
    assert (await say(world, "GET /view/x HTTP/1.1", host=[f"Host: {host}"]))[0] == 200


async def test_only_old_clients_may_leave_their_host_out(world):
    assert (await say(world, "GET /view/x HTTP/1.0", host=()))[0] == 200
    assert (await say(world, "GET /view/x HTTP/1.0", host=["Host: a b"]))[0] == 400


async def test_what_connection_names_cannot_hide_the_host(world):
    status, _ = await say(world, "GET /view/x HTTP/1.1", "Connection: host", host=())
    assert status == 400


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Content-Length: -3",),
        ("Content-Length: 3x",),
        ("Transfer-Encoding: chunked, identity",),
    ],
)
async def test_a_body_of_two_lengths_is_refused(world, lines):
    status, _ = await say(world, "POST /quick HTTP/1.1", *lines, body=b"abc\r\n0\r\n\r\n")
    assert status == 400
    assert world.service.calls == []


async def test_too_many_or_too_large_headers_are_431(world):
    many = await say(world, "GET /view/x HTTP/1.1", *(f"X-{i}: 1" for i in range(120)))
    large = await say(world, "GET /view/x HTTP/1.1", "X-Large: " + "x" * 40_000)
    assert (many[0], large[0]) == (431, 431)


async def test_internals_of_an_answer_stay_inside(world):
    world.service.answers(
        "/stream", cache_tags="card/1", server="inner", x_powered_by="inner", connection="x-a"
    )
    got = await world.get("/stream")
    assert not {"cache-tags", "x-powered-by"} & {name.lower() for name in got.headers}
    assert got.headers.get("server") != "inner"


async def test_answers_carry_security_headers_unless_the_service_says_its_own(world):
    world.service.answers("/stream", content_security_policy="default-src 'self'")
    got = await world.get("/stream")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert got.headers["content-security-policy"] == "default-src 'self'"
    default = await world.get("/quick")
    assert "frame-ancestors 'none'" in default.headers["content-security-policy"]


async def test_behind_tls_every_answer_asks_for_tls_and_else_none_does(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, public_url="https://cards.example") as world:
        for path in ("/quick", "/nowhere", "/docs"):
            got = await world.get(path)
            assert got.headers["strict-transport-security"].startswith("max-age=31536000")
    async with before(upstream, service) as world:
        assert "strict-transport-security" not in (await world.get("/quick")).headers


async def test_a_hop_by_hop_name_cannot_delete_what_a_proxy_of_ours_says(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, trusted_proxies=("127.0.0.1",)) as world:
        lines = ("X-Forwarded-For: 192.0.2.1", "Connection: close, x-forwarded-for")
        await say(world, "GET /view/x HTTP/1.1", *lines)
        [seen] = world.service.calls
    assert [value for name, value in seen.headers if name == "x-forwarded-for"] == ["192.0.2.1"]


async def test_every_answer_has_a_request_id_of_our_making_if_the_callers_is_odd(world):
    got = await world.get("/view/x", x_request_id="a b")
    assert UUID(hex=got.headers["x-request-id"])


def test_lists_on_several_lines_are_joined():
    lines = [(b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"c")]
    assert read_headers([*lines, (b"host", b"x")]) == {b"host": b"x", b"accept": b"a, b"}


def test_repeated_query_values_keep_their_order():
    assert known_query(b"b=2&a=9&a=1&c=3", {b"a", b"b"}) == b"a=9&a=1&b=2"


@pytest.mark.parametrize("first", [b"a/1, b/2", b"a/1,b/2 ,", b"a/1 b/2"])
def test_several_tag_lines_are_one_list_however_they_are_parted(first):
    told = outward([(b"cache-tags", first), (b"cache-tags", b"c/3")])

    assert told.tags == ("a/1", "b/2", "c/3")
