"""Our own load generator, for machines without `wrk`: bare sockets, one request at a time on each.

`python -m bench.load_generator CONNECTIONS SECONDS REQUEST`, the request as JSON; prints the rate,
or with a fourth argument how long answers took.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from statistics import quantiles
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
    start = time.perf_counter()
    done = await durations(request, connections, seconds)
    return len(done) / (time.perf_counter() - start)


async def durations(request: Request, connections: int, seconds: float) -> list[float]:
    """How long each answer took, in seconds."""
    parts = urlsplit(request.url)
    end = time.perf_counter() + seconds
    done: list[float] = []

    async def ask_again_and_again(connection: int) -> None:
        raw = encoded(request, connection)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while (asked := time.perf_counter()) < end:
                writer.write(raw)
                await read_answer(reader)
                done.append(time.perf_counter() - asked)
                if request.pause:
                    await asyncio.sleep(request.pause / 1000)
        finally:
            writer.close()
            with suppress(ConnectionError):  # whoever refuses a request may reset the connection
                await writer.wait_closed()

    await asyncio.gather(*(ask_again_and_again(n) for n in range(connections)))
    return done


def main() -> None:
    """Print the rate, or the percentiles."""
    connections, seconds, request, *more = sys.argv[1:]
    order = Request(**json.loads(request))
    if more:
        percentiles = quantiles(
            asyncio.run(durations(order, int(connections), float(seconds))), n=100
        )
        print(json.dumps({"p50": percentiles[49] * 1e3, "p99": percentiles[98] * 1e3}))
    else:
        print(asyncio.run(load(order, int(connections), float(seconds))))


if __name__ == "__main__":
    main()
