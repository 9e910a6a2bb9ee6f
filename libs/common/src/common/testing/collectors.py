"""Stand-ins for Sentry and an OpenTelemetry collector: they take what is sent, over real HTTP."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """What arrived of one span; ids in hexadecimal."""

    service: str
    name: str
    trace_id: str
    parent_id: str


@dataclass
class Collector:
    """Both, at one address; `raw` is everything that arrived, as text."""

    url: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    raw: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which a process reports here."""
        dsn = self.url.replace("http://", "http://public@") + "/1"
        return {"SENTRY_DSN": dsn, "OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def services_of(self, trace_id: str) -> set[str]:
        """Where a request was."""
        return {span.service for span in self.spans if span.trace_id == trace_id}

    async def take_errors(self, request: web.Request) -> web.Response:
        """Sentry's protocol: lines of JSON, compressed; an event's follows its heading."""
        text = _plain(await request.read()).decode()
        self.raw += text
        lines = [json.loads(line) for line in text.splitlines() if line]
        for heading, item in pairwise(lines):
            if heading.get("type") == "event":
                self.errors.append(item)
        return web.json_response({})

    async def take_spans(self, request: web.Request) -> web.Response:
        """OTLP over HTTP, in its binary form."""
        sent = ExportTraceServiceRequest()
        sent.ParseFromString(_plain(await request.read()))
        self.raw += str(sent)
        for resource in sent.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        names["service.name"],
                        span.name,
                        span.trace_id.hex(),
                        span.parent_span_id.hex(),
                    )
                    for span in scope.spans
                ]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Both on a free loopback port."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/api/1/envelope/", collector.take_errors)
    app.router.add_post("/v1/traces", collector.take_spans)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def _plain(body: bytes) -> bytes:
    # aiohttp has undone what Content-Encoding says, if it says so
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
