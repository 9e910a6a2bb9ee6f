"""All that one service holds about a person, for the service that gathers it for that person.

Services ask one another inside the network only; the shared internal secret says who may.
"""

from collections.abc import Awaitable, Callable, Mapping
from secrets import compare_digest
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header

from common.asking import ask
from common.problems import Forbidden

HeldData = Callable[[UUID], Awaitable[Mapping[str, Any]]]
"""Account id → all that is held about that person, ready to be written as JSON."""


class PartAway(Exception):
    """A service did not tell what it holds."""


def personal_data_router(held: HeldData, secret: str) -> APIRouter:
    """`GET /internal/personal-data/{account_id}`: never routed by the gateway."""
    router = APIRouter(include_in_schema=False)

    @router.get("/internal/personal-data/{account_id}")
    async def personal_data(
        account_id: UUID, authorization: Annotated[str, Header()] = ""
    ) -> Mapping[str, Any]:
        """All that is held about this person."""
        if not compare_digest(authorization.encode(), f"Bearer {secret}".encode()):
            raise Forbidden
        return await held(account_id)

    return router


class PersonalDataHolders:
    """Where to ask: a function for those in this process, else an address."""

    def __init__(
        self, secret: str, addresses: Mapping[str, str], local: Mapping[str, HeldData] | None = None
    ) -> None:
        self._secret = secret
        self._addresses = addresses
        self._local = local or {}

    async def held_by(self, service: str, account_id: UUID) -> Mapping[str, Any]:
        """What this service holds. Raises `PartAway`."""
        try:
            if service in self._local:
                return await self._local[service](account_id)
            return await self._ask(self._addresses[service], account_id)
        except (KeyError, ValueError, OSError) as error:  # a time-out is an OSError
            raise PartAway(f"{service}: {type(error).__name__}") from error

    async def _ask(self, address: str, account_id: UUID) -> Mapping[str, Any]:
        path = f"/internal/personal-data/{account_id}"
        held: Mapping[str, Any] = await ask(address + path, self._secret)
        return held
