"""One kept-alive connection to a service: requests one after the other, both ways with a brake."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

from gateway.answers import Header
from gateway.upstream_answers import AnswerReader, MalformedAnswer

MOST_WAITING = 64 * 1024
"""Bytes of an answer kept for a client who is slow to take them; then the service has to wait."""


class ConnectionBroken(Exception):
    """The connection ended, or what came over it was no answer."""


class ConnectionStale(ConnectionBroken):
    """A connection that had served before ended without a byte of the answer: most probably the
    service had just closed it."""


class UpstreamConnection(asyncio.Protocol):
    """`on_lost` is called once, when it has ended."""

    def __init__(self, on_lost: Callable[["UpstreamConnection"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._reader: AnswerReader | None = None
        self._served = False
        self._upload: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._way_clear = asyncio.Event()
        self._way_clear.set()
        self._braked = False

    @property
    def usable(self) -> bool:
        """Whether anything can be asked over it."""
        return not self._transport.is_closing()

    def ask(self, request: bytes, *, bodiless: bool) -> None:
        """Send a request, or its head if `upload` sends the rest."""
        self._reader = AnswerReader(bodiless=bodiless)
        self._transport.write(request)

    def upload(self, pieces: AsyncIterator[bytes]) -> None:
        """Send these meanwhile; what they raise is raised by `head` and `piece`."""
        self._upload = asyncio.create_task(self._send_all(pieces))

    async def head(self) -> tuple[int, list[Header]]:
        """Status and headers, once they are there. Raises `ConnectionBroken`."""
        reader = self._reading()
        while not reader.begun:
            await self._next()
        return reader.status, reader.headers

    async def piece(self) -> tuple[bytes, bool]:
        """What has come of the body, and whether more will. Raises `ConnectionBroken`."""
        reader = self._reading()
        while not reader.waiting and not reader.ended:
            await self._next()
        taken = reader.take()
        if self._braked and self.usable:
            self._braked = False
            self._transport.resume_reading()
        return taken, not reader.ended

    def finish(self) -> bool:
        """End the exchange, wherever it is; whether the connection can serve another one."""
        reader, self._reader = self._reading(), None
        reader.discard()
        upload, self._upload = self._upload, None
        if upload is not None and not upload.done():
            upload.cancel()
        elif reader.ended and reader.reusable and self._is_quiet():
            self._served = True
            return True
        self.close()
        return False

    def close(self) -> None:
        """Drop the connection, with what was not sent yet."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`. What nobody asked for ends the connection."""
        reader = self._reader
        if reader is None:
            self.close()
            return
        try:
            reader.feed(data)
        except MalformedAnswer as error:
            self._fail(self._broken(error))
            return
        if reader.waiting > MOST_WAITING and not self._braked:
            self._braked = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`. Some answers end so; the transport closes itself."""
        if self._reader is not None:
            self._reader.close()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._error = self._error or self._broken(error)
        self._way_clear.set()
        self._wake()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: the service is slow to take what is sent."""
        self._way_clear.clear()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._way_clear.set()

    def _reading(self) -> AnswerReader:
        assert self._reader is not None, "nothing was asked"
        return self._reader

    async def _next(self) -> None:
        """Wait for something to happen. Raises why nothing will."""
        if self._error is not None:
            raise self._error
        self._news = self._loop.create_future()
        try:
            await self._news
        finally:
            self._news = None

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _broken(self, cause: Exception | None) -> ConnectionBroken:
        unheard = self._reader is not None and not self._reader.heard
        error = ConnectionStale() if self._served and unheard else ConnectionBroken()
        error.__cause__ = cause
        return error

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.close()
        self._wake()

    def _is_quiet(self) -> bool:
        sent_all = not self._transport.get_write_buffer_size()
        return self.usable and sent_all and not self._braked

    async def _send_all(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                await self._way_clear.wait()
                if self._error is not None:
                    return
                self._transport.write(piece)
        except Exception as error:  # raised again where the answer is waited for
            self._fail(error)
