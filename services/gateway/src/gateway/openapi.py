"""One API document out of the services' own: only what is routed, and one way to authorise."""

import asyncio
from collections.abc import Mapping

import orjson
import structlog
from prometheus_client import Gauge

from gateway.answers import Answer, Refused, etag_of
from gateway.forwarding import AnswerCut, Upstream, fetch
from gateway.openapi_merging import Document, merge
from gateway.route_checks import disagreements
from gateway.route_tree import RoutesTable
from gateway.routes import GATEWAY

FETCH_SECONDS = 5.0
RETRY_SECONDS = 5.0

UNFIT = Gauge(
    "cartulary_gateway_unfit_routes", "Routes that lead nowhere, and operations without a route"
)

_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"))
log = structlog.get_logger(__name__)


class MergedApi:
    """`/openapi.json`, put together when first asked for; parts that were away are asked again."""

    def __init__(
        self, upstreams: Mapping[str, Upstream], table: RoutesTable, own: Document
    ) -> None:
        self._upstreams = upstreams
        self._table = table
        self._parts: dict[str, Document] = {GATEWAY: own}
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer = Answer(200, _HEADERS, b"{}")

    async def document(self) -> Answer:
        """The document of all services that have answered so far."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            missing = self._upstreams.keys() - self._parts.keys()
            if missing and now - self._asked_at >= RETRY_SECONDS:
                await asyncio.gather(*map(self._ask, missing))
                self._asked_at = now
                self._answer = self._merged()
            return self._answer

    async def keep_checked(self) -> None:
        """Compare the table with what each service says of itself, once all have said it.

        A gateway that does not fit says so and serves on: while versions change one by one it fits
        again soon, and what is routed nowhere is a 404.
        """
        while self._upstreams.keys() - self._parts.keys():
            await self.document()
            await asyncio.sleep(RETRY_SECONDS)
        found = disagreements(self._parts, self._table)
        UNFIT.set(len(found))
        for text in found:
            log.error("route_unfit", problem=text)
        await asyncio.Event().wait()

    def _merged(self) -> Answer:
        parts = {name: self._parts[name] for name in sorted(self._parts)}
        document = merge(parts, self._table)
        headers = (*_HEADERS, etag_of(body := orjson.dumps(document)))
        return Answer(200, headers, body)

    async def _ask(self, service: str) -> None:
        try:
            answer = await fetch(self._upstreams[service], "/openapi.json", budget=FETCH_SECONDS)
            self._parts[service] = _document(answer)
        except (Refused, AnswerCut, ValueError) as error:
            log.warning("openapi_not_read", service=service, reason=type(error).__name__)


def _document(answer: Answer) -> Document:
    document = orjson.loads(answer.body)
    if answer.status != 200 or not isinstance(document, dict) or "paths" not in document:
        raise ValueError("not an OpenAPI document")
    return document
