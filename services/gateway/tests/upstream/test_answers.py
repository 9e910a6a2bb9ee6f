"""Any answer is read alike, however its bytes come cut; what is none is refused."""

from dataclasses import dataclass

import pytest
from gateway.upstream_answers import MOST_HEADERS, MOST_OVERHEAD, AnswerReader, MalformedAnswer
from hypothesis import given
from hypothesis import strategies as st

OK = b"HTTP/1.1 200 OK\r\n"
NOTHING = b"content-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Read:
    """What became of some bytes and of the connection's end after them."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    ended: bool
    refused: bool


def read(*pieces, bodiless=False):
    reader, body, refused = AnswerReader(bodiless=bodiless), b"", False
    try:
        for piece in pieces:
            reader.feed(piece)
            body += reader.take()
    except MalformedAnswer:
        refused = True
        body += reader.take()
    reader.close()
    return Read(reader.status, reader.headers, body, reader.ended, refused)


def reusable(*pieces, bodiless=False):
    reader = AnswerReader(bodiless=bodiless)
    for piece in pieces:
        reader.feed(piece)
    return reader.ended and reader.reusable


def cut(data, places):
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True) if a < b]


def chunked(pieces, trailer=b""):
    framed = b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return b"transfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


SIZED = {
    "a length": (OK + b"Content-Length: 5\r\nX-A: b\r\n\r\nhello", b"hello"),
    "chunks": (OK + chunked([b"he", b"llo"]), b"hello"),
    "chunks and a trailer": (OK + chunked([b"hello"], b"x-sum: 1\r\n"), b"hello"),
    "nothing": (OK + NOTHING, b""),
    "after others": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        + OK
        + b"content-length: 2\r\n\r\nok",
        b"ok",
    ),
    "an error": (b"HTTP/1.1 599 \r\ncontent-length: 2\r\n\r\nno", b"no"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304 that tells a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b""),
    "an empty header": (OK + b"x-a:\r\nX-B:  \xff \r\ncontent-length: 0\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 200\r\n" + NOTHING, b""),
}
UNTIL_CLOSE = OK + b"x-a: 1\r\n\r\nas long as it lasts"
REFUSED = {
    "nonsense": b"nonsense\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "two lengths": OK + b"content-length: 1\r\ncontent-length: 1\r\n\r\na",
    "a length and chunks": OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
    "a length that is none": OK + b"content-length: 1a\r\n\r\na",
    "a length below zero": OK + b"content-length: -1\r\n\r\na",
    "a length beyond numbers": OK + b"content-length: 99999999999999999999\r\n\r\na",
    "a chunk without a size": OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk beyond numbers": OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "a chunk longer than its size": OK + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
    "a coding that nobody asked for": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding until the end": OK + b"transfer-encoding: gzip\r\n\r\nabc",
    "a header over two lines": OK + b"x-a: 1\r\n 2\r\n" + NOTHING,
    "a header with a bare line feed": OK + b"x-a: 1\nx-b: 2\r\n" + NOTHING,
    "a header with a bare return": OK + b"x-a: 1\rx-b: 2\r\n" + NOTHING,
    "a header with a NUL": OK + b"x-a: \0\r\n" + NOTHING,
    "a name with a blank": OK + b"x-a : 1\r\n" + NOTHING,
    "a status too small": b"HTTP/1.1 099 X\r\n" + NOTHING,
    "a status too large": b"HTTP/1.1 600 X\r\n" + NOTHING,
    "another protocol from here on": b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "too many headers": OK + b"x-a: 1\r\n" * MOST_HEADERS + NOTHING,
    "a head too large": OK + b"x-a: %b\r\n" % (b"a" * MOST_OVERHEAD) + NOTHING,
}
ENDLESS = {
    "header": OK + b"x-a: " + b"a" * 4 * MOST_OVERHEAD,
    "line of others": b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_OVERHEAD // 10),
    "chunk description": OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"a" * 4 * MOST_OVERHEAD,
    "trailer": OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x-a: 1\r\n" * MOST_OVERHEAD,
}


@pytest.mark.parametrize("kind", SIZED)
def test_an_answer_is_read_to_its_end_and_leaves_the_connection_for_another(kind):
    data, body = SIZED[kind]
    got = read(data)
    assert (got.body, got.ended, got.refused) == (body, True, False)
    assert reusable(data)


@given(st.sampled_from([*SIZED]), st.lists(st.integers(0, 300)))
def test_any_cutting_of_an_answer_gives_the_same_answer(kind, places):
    data, _ = SIZED[kind]
    assert read(*cut(data, places)) == read(data)
    assert reusable(*cut(data, places))


@given(st.sampled_from([*REFUSED]), st.lists(st.integers(0, 300)))
def test_what_is_no_answer_is_refused_however_it_is_cut(kind, places):
    got = read(*cut(REFUSED[kind], places))
    assert (got.refused, got.ended) == (True, False)


@given(
    st.lists(st.binary(max_size=50)),
    st.lists(st.tuples(st.from_regex(rb"\A[a-z-]{1,9}\Z"), st.from_regex(rb"\A[!-~]{1,9}\Z"))),
    st.lists(st.integers(0, 1000)),
)
def test_any_body_and_headers_come_through_in_any_pieces(pieces, headers, places):
    headers = [(b"x-" + name, value) for name, value in headers][:100]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    got = read(*cut(OK + lines + chunked(pieces), places))
    assert got.body == b"".join(pieces)
    assert got.headers == [*headers, (b"transfer-encoding", b"chunked")]
    assert got.ended


@given(st.sampled_from([*SIZED]), st.integers(0, 300))
def test_an_answer_that_stops_early_has_not_ended(kind, place):
    data, _ = SIZED[kind]
    assert not read(data[: place % len(data)]).ended


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_any_bytes_are_an_answer_a_part_of_one_or_refused(noise, places):
    for start in (b"", OK, OK + b"transfer-encoding: chunked\r\n\r\n"):
        got = read(*cut(start + noise, places))
        assert not (got.ended and got.refused)


def test_an_answer_without_a_length_ends_with_its_connection():
    got = read(UNTIL_CLOSE)
    assert (got.body, got.ended) == (b"as long as it lasts", True)
    assert not reusable(UNTIL_CLOSE)


def test_names_are_in_lower_case_and_a_repeated_name_stays_repeated():
    got = read(OK + b"Set-Cookie: a\r\nSET-COOKIE: b\r\n" + NOTHING)
    assert got.headers[:2] == [(b"set-cookie", b"a"), (b"set-cookie", b"b")]


def test_neither_trailers_nor_what_came_before_are_headers_of_the_answer():
    for kind in ("chunks and a trailer", "after others"):
        assert not {b"x-sum", b"link"} & dict(read(SIZED[kind][0]).headers).keys()


def test_a_length_that_is_not_there_is_not_passed_on():
    data, _ = SIZED["304 that tells a length"]
    assert read(data).headers == []


def test_an_answer_to_head_ends_with_its_head():
    data = OK + b"content-length: 5\r\n\r\n"
    assert read(data, bodiless=True).ended
    assert not reusable(data, bodiless=True)
    assert read(data + b"hello", bodiless=True).body == b""


@pytest.mark.parametrize(
    "data",
    [
        OK + b"connection: close\r\n" + NOTHING,
        b"HTTP/1.0 200 OK\r\n" + NOTHING,
        OK + NOTHING + b"more",
        OK + NOTHING + OK + NOTHING,
        OK + b"connection: close\r\n" + NOTHING + b"more",
        b"HTTP/1.1 204 No Content\r\n\r\nmore",
    ],
)
def test_a_connection_that_ends_or_says_more_than_it_was_asked_is_not_used_again(data):
    assert read(data).ended
    assert not reusable(data)


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("size", [1000, 100_000])
def test_nothing_but_a_body_may_be_endless(kind, size):
    data = ENDLESS[kind]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    got = read(*pieces)
    assert (got.refused, got.ended) == (True, False)


def test_a_long_body_in_small_chunks_is_no_overhead():
    pieces = [b"x"] * MOST_OVERHEAD
    got = read(*cut(OK + chunked(pieces), range(0, 10 * MOST_OVERHEAD, 997)))
    assert (len(got.body), got.ended) == (MOST_OVERHEAD, True)
