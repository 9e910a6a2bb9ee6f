"""A producer's public messages of one stream, for a consumer that missed some.

Services ask one another inside the network only; the shared internal secret says who may.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence

Feed = Callable[[str, int], Awaitable[Sequence[bytes]]]
"""(stream, after) → its public messages after that version, in order."""


class Feeds:
    """Where to ask for missing messages: a function for those in this process, else an address."""

    def __init__(
        self, secret: str, addresses: Mapping[str, str], local: Mapping[str, Feed] | None = None
    ) -> None:
        self._secret = secret
        self._addresses = addresses
        self._local = local or {}

    async def missing(self, source: str, stream: str, after: int) -> Sequence[bytes]:
        """The messages after a version. Raises `LookupError` for an unknown source."""
        if source in self._local:
            return await self._local[source](stream, after)
        if source not in self._addresses:
            raise LookupError(f"no feed of {source} is known")
        import aiohttp  # noqa: PLC0415 (7 MB at rest, for messages that are hardly ever missing)

        timeout = aiohttp.ClientTimeout(total=5)
        headers = {"Authorization": f"Bearer {self._secret}"}
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            answer = await session.get(
                f"{self._addresses[source]}/internal/feed",
                params={"stream": stream, "after": after},
                headers=headers,
            )
            return [b64decode(message) for message in await answer.json()]
