"""HTTP answers whose head and body leave in one write: it saves the server a system call for each
answer and its client a wake-up, a quarter of what an answer out of memory costs."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PairingProtocol(HttpToolsProtocol):
    """uvicorn's own, but for the way out; goes into `uvicorn.Config(http=...)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(cast(asyncio.Transport, PairedWrites(transport)))


class PairedWrites:
    """A transport that keeps a write for the next one, and no longer than until the loop's next
    turn: a head whose body is still to come goes alone. It never keeps more than one, so whoever
    writes without a pause meets the transport's own limit as ever."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._soon = asyncio.get_running_loop().call_soon
        self._kept = b""

    def write(self, data: bytes) -> None:
        """Keep it, or send it with what was kept."""
        if self._kept:
            kept, self._kept = self._kept, b""
            self._transport.writelines((kept, data))
        elif data:
            self._kept = data
            self._soon(self._send_kept)

    def close(self) -> None:
        """Send what was kept, then close."""
        self._send_kept()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """All else is the transport's."""
        return getattr(self._transport, name)

    def _send_kept(self) -> None:
        kept, self._kept = self._kept, b""
        if kept and not self._transport.is_closing():
            self._transport.write(kept)
