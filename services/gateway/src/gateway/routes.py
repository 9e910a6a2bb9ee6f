"""The words of the table of routes: who may call, how often, how long, what may be kept."""

from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

GET = frozenset({"GET"})
POST = frozenset({"POST"})
DELETE = frozenset({"DELETE"})
READS = frozenset({"GET", "HEAD"})

GATEWAY = "gateway"
"""The service that is no other: what the gateway answers itself."""

KIB = 1024


class Access(Enum):
    """Who may call a route; the services decide about the single thing."""

    ANYONE = auto()  # a token is not even looked at
    OPTIONAL = auto()  # a token is used if sent, and must then be good
    USER = auto()
    STAFF = auto()  # administrators and support
    ADMIN = auto()


@dataclass(frozen=True, slots=True)
class CacheRule:
    """A route whose GET answers may be kept, if the service marks them with `Cache-Tags`.

    `lifetime` is a safety net in seconds: events purge long before. `by_language` keeps one answer
    per `Accept-Language`.
    """

    lifetime: float = 300.0
    by_language: bool = False


class Per(Enum):
    """Whose requests are counted together."""

    ADDRESS = auto()
    ACCOUNT = auto()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `amount` requests in any `seconds`; routes with the same name share their count.

    While the counts cannot be reached the route refuses if it `fails_closed`, else it lets pass.
    """

    name: str
    amount: int
    seconds: int = 60
    per: Per = Per.ADDRESS
    fails_closed: bool = False


@dataclass(frozen=True)
class Route:
    """One line of the table.

    A template's parameters match one segment of unreserved characters. `body_limit` is in bytes,
    `budget` in seconds until the answer begins, and between its pieces. Query names that are not
    in `query` are dropped. A template that ends in `/` matches without it, too. A route with `when`
    is for requests whose first value of that query name is this one, before those without. Some of
    what a service takes at once is kept for `critical` routes: others are refused first. Once a
    route that `ends_session` has done so, its caller's token is refused here without waiting for
    the message.
    """

    service: str
    methods: frozenset[str]
    path: str
    who: Access
    body_limit: int = 64 * KIB
    budget: float = 10.0
    cache: CacheRule | None = None
    query: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    limit: RateLimit | None = None
    when: tuple[str, str] | None = None
    critical: bool = False
    ends_session: bool = False

    @cached_property
    def query_bytes(self) -> frozenset[bytes]:
        """The allowed names as they stand in a query string."""
        return frozenset(name.encode() for name in self.query)


WRITE = RateLimit("write", 100, per=Per.ACCOUNT)
"""Whatever somebody changes of their own, in any service."""
