"""Our own load generator, for machines without `wrk`: bare sockets, one request at a time on each.

`python -m bench.load_generator CONNECTIONS SECONDS REQUEST`, the request as JSON; prints the rate.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from urllib.parse import urlsplit

from bench.load import LoadFailed, Request


def encoded(request: Request, connection: int) -> bytes:
    """The request as it goes over the wire of this connection."""
    parts = urlsplit(request.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    body = request.body.encode()
    headers = {"host": parts.netloc, **request.headers}
    if request.callers:
        headers["authorization"] = request.callers[connection % len(request.callers)]
    if body:
        headers["content-length"] = str(len(body))
    head = [f"{request.method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> None:
    """One answer to its end. Raises `LoadFailed` for a status beyond 399 or an unknown length."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.lower().split(b"\r\n")
    lengths = [line for line in lines if line.startswith(b"content-length:")]
    if status.split()[1] >= b"400" or not lengths:
        raise LoadFailed(head.decode())
    await reader.readexactly(int(lengths[0].partition(b":")[2]))


async def load(request: Request, connections: int, seconds: float) -> float:
    """Answers a second."""
    parts = urlsplit(request.url)
    end, done = time.perf_counter() + seconds, 0

    async def ask_again_and_again(connection: int) -> None:
        nonlocal done
        raw = encoded(request, connection)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while time.perf_counter() < end:
                writer.write(raw)
                await read_answer(reader)
                done += 1
        finally:
            writer.close()
            with suppress(ConnectionError):  # whoever refuses a request may reset the connection
                await writer.wait_closed()

    start = time.perf_counter()
    await asyncio.gather(*(ask_again_and_again(n) for n in range(connections)))
    return done / (time.perf_counter() - start)


def main() -> None:
    """Print the rate."""
    connections, seconds, request = sys.argv[1:]
    order = Request(**json.loads(request))
    print(asyncio.run(load(order, int(connections), float(seconds))))


if __name__ == "__main__":
    main()
