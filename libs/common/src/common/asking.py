"""What services ask one another now and then, inside the network; the shared secret says who may.

The standard library's client in a thread: an asynchronous one costs each process 7 MB for ever, and
these questions are of a consumer's first start, of messages that went missing, of an export.
"""

import asyncio
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import orjson

PATIENCE_SECONDS = 5.0


async def ask(url: str, secret: str, parameters: Mapping[str, str | int] | None = None) -> Any:
    """The answer's JSON. Raises `OSError` without one in time, and `ValueError` for nonsense."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    request = Request(url + query, headers={"Authorization": f"Bearer {secret}"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        return orjson.loads(await asyncio.to_thread(_read, request))


def _read(request: Request) -> bytes:
    """`PATIENCE_SECONDS` for each step: a thread cannot be broken off."""
    straight = build_opener(ProxyHandler({}))
    try:
        with straight.open(request, timeout=PATIENCE_SECONDS) as answer:
            read: bytes = answer.read()
            return read
    except HTTPException as error:
        raise OSError(f"{type(error).__name__} from {request.host}") from error
