"""Wait for a condition with a limit; never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def eventually(
    probe: Callable[[], Awaitable[ResultT]], *, within: float = 60, what: str = "the condition"
) -> ResultT:
    """The first true answer of `probe`. Raises `AssertionError` after `within` seconds.

    Errors of the network count as "not yet": what is waited for is often a server.
    """
    last: object = None
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    result = await probe()
                except OSError as error:
                    last = error
                else:
                    if result:
                        return result
                    last = result
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {within} s: {last!r}") from None
