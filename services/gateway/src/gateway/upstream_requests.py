"""A call as the bytes of an HTTP/1.1 request, which nothing in it can break out of."""

import re
from collections.abc import AsyncIterator

from gateway.answers import Refused
from gateway.forwarding import Call
from gateway.routes import READS

_TARGET = re.compile(rb"/[\x21-\x7e\x80-\xff]*")
_LENGTH = b"content-length"
_OURS = frozenset({_LENGTH, b"transfer-encoding", b"connection", b"host"})
_LAST_CHUNK = b"0\r\n\r\n"


class UnsendableRequest(Refused):
    """Passed on, it would read as something else than what was checked here."""

    status = 400
    code = "malformed_request"
    detail = "The request's address or headers contain characters that are not allowed there."


class BodyUnfinished(Exception):
    """The client's body ended early, grew too large, or is not as long as was announced."""


def head(call: Call, host: bytes, prefix: bytes, length: int | None) -> bytes:
    """Request line and headers; `length` in bytes, or nothing for a body in chunks.

    The host and the body's end are told by us alone. Raises `UnsendableRequest`.
    """
    target = b"%s%s" % (prefix, call.path.encode())
    if call.query:
        target = b"%s?%s" % (target, call.query)
    lines = [b"%s %s HTTP/1.1" % (call.method.encode(), target), b"host: " + host]
    lines += [b"%s: %s" % header for header in call.headers if header[0] not in _OURS]
    if length is None:
        lines.append(b"transfer-encoding: chunked")
    elif length or call.method not in READS:
        lines.append(b"content-length: %d" % length)
    lines.append(b"\r\n")
    whole = b"\r\n".join(lines)
    ends = len(lines)
    if whole.count(b"\r") != ends or whole.count(b"\n") != ends or b"\0" in whole:
        raise UnsendableRequest
    if not _TARGET.fullmatch(target):
        raise UnsendableRequest
    return whole


def announced(call: Call) -> int | None:
    """The length in bytes that the client told, if it did."""
    for name, value in call.headers:
        if name == _LENGTH:
            return int(value)
    return None


async def framed(pieces: AsyncIterator[bytes], length: int | None) -> AsyncIterator[bytes]:
    """A body's pieces as they go over the wire. Raises `BodyUnfinished`."""
    left = length
    async for piece in pieces:
        if left is None:
            if piece:  # an empty chunk would be the last one
                yield b"%x\r\n%b\r\n" % (len(piece), piece)
            continue
        left -= len(piece)
        if left < 0:
            raise BodyUnfinished
        yield piece
    if left is None:
        yield _LAST_CHUNK
    elif left:
        raise BodyUnfinished
