"""A client's request as a service shall see it: known headers, who asks, and from where."""

from functools import lru_cache, partial

from common.access_tokens import CLIENT_HEADER, InternalTokens
from common.clock import Clock
from common.request_context import sane_traceparent

from gateway.answers import Header
from gateway.authentication import Caller
from gateway.exchange import Exchange
from gateway.forwarding import Call
from gateway.hygiene import IDENTITY, forwarded_headers
from gateway.routes import READS, Route


class Calls:
    """Makes them, and signs what services are to believe."""

    def __init__(self, tokens: InternalTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._client_header = lru_cache(10_000)(partial(_client_header, tokens))

    def forwarded(
        self, exchange: Exchange, path: str, query: bytes, caller: Caller | None, route: Route
    ) -> Call:
        """The client's own request."""
        headers = forwarded_headers(exchange.headers, body=exchange.method not in READS)
        self._introduce(headers, exchange, caller)
        method = "GET" if exchange.method == "HEAD" else exchange.method
        client = exchange.scope.get("client")
        return Call(method, path, query, headers, route.budget, client, route.critical)

    def asked_for(
        self, exchange: Exchange, path: str, query: bytes, caller: Caller, budget: float
    ) -> Call:
        """A read that the gateway makes for the client's sake."""
        headers: list[Header] = [(b"accept", b"application/json")]
        self._introduce(headers, exchange, caller)
        return Call("GET", path, query, headers, budget)

    def _introduce(self, headers: list[Header], exchange: Exchange, caller: Caller | None) -> None:
        trace = sane_traceparent(exchange.headers.get(b"traceparent"))
        headers.append((b"x-request-id", exchange.identify()))
        headers.append((b"traceparent", trace.encode()))
        if exchange.client:
            headers.append((b"x-forwarded-for", exchange.client.encode()))
            headers.append(self._client_header(exchange.client))
        if caller is not None:
            headers.append((IDENTITY, caller.internal_token(self._tokens, self._clock.now())))


def _client_header(tokens: InternalTokens, address: str) -> Header:
    return CLIENT_HEADER.encode(), tokens.sign_client(address).encode()
