"""Who calls: a token is verified once, then remembered until it expires or its session ends.

Forgetting is the risk here. A token is looked at anew when the keys have changed, and whether its
session has ended is asked each time. While the broker is away ends are not heard; tokens live ten
minutes, which bounds it.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from common.access_tokens import (
    STAFF,
    Identity,
    InternalTokens,
    InvalidToken,
    UnknownKey,
    verify_access_token,
)
from common.clock import Clock
from common.problems import Forbidden, Unauthenticated, Unavailable

from gateway.key_ring import KeyRing
from gateway.refused_tokens import AccountIsSuspended, RefusedTokens
from gateway.routes import Access

AUDIENCE = "cartulary"
_ROLES = {Access.STAFF: STAFF, Access.ADMIN: frozenset({"admin"})}
REMEMBERED_TOKENS = 20_000
INTERNAL_REUSE = timedelta(seconds=20)  # of the sixty that an internal token lives


class Caller:
    """A verified caller, and the internal token that tells services of it."""

    __slots__ = ("_internal", "_made_at", "account", "identity")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.account = str(identity.account_id)
        self._internal = b""
        self._made_at: datetime | None = None

    def internal_token(self, tokens: InternalTokens, now: datetime) -> bytes:
        """A token with enough life left for the slowest call."""
        if self._made_at is None or now - self._made_at > INTERNAL_REUSE:
            self._internal = tokens.sign(self.identity, now).encode()
            self._made_at = now
        return self._internal


class Authentication:
    """Turns an `Authorization` header into a caller."""

    def __init__(self, ring: KeyRing, refused: RefusedTokens, *, issuer: str, clock: Clock) -> None:
        self._ring = ring
        self._refused = refused
        self._issuer = issuer
        self._clock = clock
        self._verified_with = ring.keys
        self._remembered: OrderedDict[bytes, Caller] = OrderedDict()

    async def caller(self, who: Access, authorization: bytes | None) -> Caller | None:
        """The caller as far as the route wants to know.

        Raises `Unauthenticated` (`InvalidToken` for a bad token), `AccountIsSuspended`, `Forbidden`
        for a missing role, `Unavailable` when no key could ever be read.
        """
        if who is Access.ANYONE:
            return None
        if authorization is None:
            if who is Access.OPTIONAL:
                return None
            raise Unauthenticated
        caller = await self._recognise(authorization)
        needed = _ROLES.get(who)
        if needed is not None and needed.isdisjoint(caller.identity.roles):
            raise Forbidden
        return caller

    def end(self, caller: Caller) -> None:
        """Believe no token of this caller's session any more."""
        identity = caller.identity
        self._refused.end(identity.session_id, identity.expires_at)

    async def _recognise(self, authorization: bytes) -> Caller:
        if self._ring.keys is not self._verified_with:
            self._remembered.clear()
            self._verified_with = self._ring.keys
        caller = self._remembered.get(authorization)
        if caller is None or self._clock.now() >= caller.identity.expires_at:
            caller = Caller(await self._verify(_bearer(authorization)))
            self._remember(authorization, caller)
        self._check(caller.identity)
        return caller

    def _check(self, identity: Identity) -> None:
        if self._refused.is_shut(identity.account_id):
            raise AccountIsSuspended
        if self._refused.is_over((identity.session_id, identity.account_id)):
            raise InvalidToken

    def _remember(self, authorization: bytes, caller: Caller) -> None:
        self._remembered[authorization] = caller
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)

    async def _verify(self, token: str) -> Identity:
        try:
            return self._verify_now(token)
        except UnknownKey:
            await self._ring.learn()
        if not self._ring.keys:
            raise Unavailable
        return self._verify_now(token)

    def _verify_now(self, token: str) -> Identity:
        return verify_access_token(
            token,
            self._ring.keys,
            issuer=self._issuer,
            audience=AUDIENCE,
            now=self._clock.now(),
        )


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken
    return token.strip()
