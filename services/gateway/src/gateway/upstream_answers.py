"""One answer out of a connection's bytes, however they come cut; no I/O.

llhttp reads them, the parser of uvicorn, as strictly as it can. What it leaves to its user stands
here: how large a head may be, which answers end with their connection, what is no answer at all.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.answers import Header

MOST_HEADERS = 128
MOST_OVERHEAD = 64 * 1024
"""Bytes of a head, or of what else is told between pieces of a body."""

_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_WITHOUT_BODY = frozenset({204, 304})


class MalformedAnswer(Exception):
    """These bytes are no answer that can be passed on."""


class AnswerReader:
    """Reads one answer; one before the final one (1xx) is let go, and so are trailers.

    `waiting` is how many bytes of the body can be taken. `reusable`: nothing speaks against another
    answer on the same connection. An answer to HEAD is `bodiless` whatever it tells.
    """

    __slots__ = (
        "_bodiless",
        "_overhead",
        "_parser",
        "_pieces",
        "_until_close",
        "begun",
        "ended",
        "headers",
        "heard",
        "reusable",
        "status",
        "waiting",
    )

    def __init__(self, *, bodiless: bool = False) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.heard = self.begun = self.ended = False
        self.reusable = True
        self.waiting = 0
        self._bodiless = bodiless
        self._until_close = False
        self._overhead = 0
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """The next bytes of the connection. Raises `MalformedAnswer`."""
        self.heard = True
        before = self.begun, self.waiting
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.reusable = False
            if not self.ended:  # what follows the end is nobody's
                raise MalformedAnswer(str(error)) from error
        if before != (self.begun, self.waiting):
            self._overhead = 0
        elif self._overhead > MOST_OVERHEAD and not self.ended:
            raise MalformedAnswer("a head, a trailer or a chunk's description without an end")

    def close(self) -> None:
        """The service has said its last byte."""
        self.reusable = False
        self.ended = self.ended or self._until_close

    def discard(self) -> None:
        """Read no more: parser and reader hold one another, which costs the garbage collector."""
        del self._parser

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        pieces = self._pieces
        self._pieces, self.waiting = [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def on_message_begin(self) -> None:
        """Called by the parser: a head follows."""
        self.reusable = self.reusable and not self.ended
        if not self.begun:
            self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser; after the head for trailers."""
        if not self.begun:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by the parser: the head is whole. Raises `MalformedAnswer`."""
        status = self._parser.get_status_code()
        if self.begun or 100 <= status < 200:
            return
        self._check_head(status)
        self.status, self.begun = status, True
        if status in _WITHOUT_BODY:
            # a 304 may name the length of what it does not carry, a server would wait for it
            self.headers = [header for header in self.headers if header[0] != _LENGTH]
        elif not self._parser.should_keep_alive():
            self.reusable = False
            self._until_close = not any(name in (_LENGTH, _CODING) for name, _ in self.headers)
        if self._bodiless:
            self.reusable, self.ended = False, True  # the parser awaits the body that HEAD has not

    def on_body(self, piece: bytes) -> None:
        """Called by the parser: some of the body."""
        if not self.ended:
            self._pieces.append(piece)
            self.waiting += len(piece)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.ended = self.begun

    def _check_head(self, status: int) -> None:
        if not 200 <= status < 600:
            raise MalformedAnswer("no status of an answer")
        if len(self.headers) > MOST_HEADERS:
            raise MalformedAnswer("too many headers")
        # only then, for most heads come in one small piece
        if self._overhead > MOST_OVERHEAD and _size(self.headers) > MOST_OVERHEAD:
            raise MalformedAnswer("the head is too large")
        for name, value in self.headers:
            if name == _CODING and value.lower() != b"chunked":
                raise MalformedAnswer("a transfer coding that nobody asked for")


def _size(headers: list[Header]) -> int:
    return sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
