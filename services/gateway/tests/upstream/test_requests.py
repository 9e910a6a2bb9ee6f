"""A call becomes exactly one request, whatever stands in it."""

import httptools
import pytest
from common.settings import StartRefused
from gateway.forwarding import Call
from gateway.settings import GatewaySettings
from gateway.upstream_pool import Address
from gateway.upstream_requests import (
    BodyUnfinished,
    UnsendableRequest,
    announced,
    framed,
    head,
)
from hypothesis import given
from hypothesis import strategies as st

ANYTHING = st.binary(max_size=12) | st.sampled_from([b"\r\n", b"a\r\nb: c", b"a\nb", b"a\0", b"\r"])


def call(method="GET", path="/a", query=b"", headers=()):
    return Call(method, path, query, list(headers), 1.0)


def sent(made, length=0, prefix=b""):
    return head(made, b"service:80", prefix, length)


async def several(*pieces):
    for piece in pieces:
        yield piece


class Parsed:
    """Requests as the services' own parser reads them."""

    def __init__(self, data):
        self.targets, self.headers, self.heads, self.body = [], [], 0, b""
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)

    def on_url(self, url):
        self.targets.append(url)

    def on_header(self, name, value):
        self.headers.append((name, value))

    def on_headers_complete(self):
        self.heads += 1

    def on_body(self, piece):
        self.body += piece


def test_a_read_has_a_line_its_host_and_its_headers_and_no_more():
    made = call(query=b"page=2", headers=[(b"accept", b"*/*")])
    assert sent(made, prefix=b"/base") == (
        b"GET /base/a?page=2 HTTP/1.1\r\nhost: service:80\r\naccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "length", "told"),
    [
        ("POST", 0, b"content-length: 0"),
        ("DELETE", 0, b"content-length: 0"),
        ("PATCH", 7, b"content-length: 7"),
        ("PUT", None, b"transfer-encoding: chunked"),
        ("GET", 7, b"content-length: 7"),
    ],
)
def test_where_a_body_ends_is_told_by_us_alone(method, length, told):
    lies = [
        (b"content-length", b"99"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"host", b"elsewhere"),
    ]
    lines = sent(call(method, headers=lies), length).split(b"\r\n")
    assert lines[1:] == [b"host: service:80", told, b"", b""]


@given(
    st.lists(st.tuples(ANYTHING.map(lambda name: b"x-" + name), ANYTHING), max_size=3),
    ANYTHING,
    st.text(max_size=8) | st.sampled_from(["a b", "a\r\nb", "?b", "a HTTP/1.1\r\n\r\nGET /"]),
)
def test_no_header_path_or_query_makes_a_second_request_or_header(headers, query, path):
    made = call("POST", f"/{path}", query, headers)
    try:
        data = sent(made)
    except UnsendableRequest:
        return
    try:
        parsed = Parsed(data)
    except httptools.HttpParserError:
        return  # the service will refuse it, too
    assert parsed.heads == 1
    assert len(parsed.headers) == len(headers) + 2


@pytest.mark.parametrize("sign", ["\r", "\n", "\0", "\r\n"])
def test_line_ends_and_nul_are_refused_wherever_they_stand(sign):
    bad = sign.encode()
    for made in (
        call(path=f"/a{sign}b"),
        call(query=b"a" + bad),
        call(headers=[(b"x" + bad, b"b")]),
        call(headers=[(b"x", bad)]),
        call(method="GET" + sign),
    ):
        with pytest.raises(UnsendableRequest):
            sent(made)


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "a", "", "//a\x7f"])
def test_an_address_that_would_read_as_another_is_refused(path):
    with pytest.raises(UnsendableRequest):
        sent(call(path=path))


def test_the_announced_length_is_the_clients():
    assert announced(call(headers=[(b"content-length", b"12")])) == 12
    assert announced(call()) is None


@given(st.lists(st.binary(max_size=20), max_size=8))
async def test_any_body_in_chunks_arrives_whole(pieces):
    start = sent(call("POST"), None)
    data = b"".join([piece async for piece in framed(several(*pieces), None)])
    assert Parsed(start + data).body == b"".join(pieces)


async def test_a_body_of_an_announced_length_is_sent_as_it_is():
    assert [p async for p in framed(several(b"ab", b"", b"c"), 3)] == [b"ab", b"", b"c"]


@pytest.mark.parametrize("length", [2, 4])
async def test_a_body_that_is_not_as_long_as_announced_is_never_ended(length):
    with pytest.raises(BodyUnfinished):
        _ = [piece async for piece in framed(several(b"abc"), length)]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://cards:8082", Address("cards", 8082, False, b"cards:8082", b"")),
        ("http://cards/", Address("cards", 80, False, b"cards", b"")),
        ("https://cards/v1/", Address("cards", 443, True, b"cards", b"/v1")),
        ("http://[::1]:80", Address("::1", 80, False, b"[::1]:80", b"")),
        ("http://a:secret@cards", Address("cards", 80, False, b"cards", b"")),
    ],
)
def test_an_address_is_read(url, address):
    assert Address.of(url) == address


@pytest.mark.parametrize("url", ["", "cards:8082", "ftp://cards", "http://", "http://a:99999"])
def test_what_is_no_address_of_a_service_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        Address.of(url)


def test_the_gateway_does_not_start_with_an_address_that_is_none():
    with pytest.raises(StartRefused, match="CARDS_URL"):
        GatewaySettings.load(cards_url="cards:8082")
