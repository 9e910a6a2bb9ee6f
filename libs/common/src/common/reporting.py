"""Errors to Sentry and spans to an OpenTelemetry collector, where their addresses are set.

Nothing is imported, opened or sent where they are not. What leaves carries names, times and ids:
never a variable, a header, a path, a query or the text of an error, for each may quote a person.
"""

import atexit
import sys
import time
from collections.abc import MutableMapping
from importlib import import_module
from typing import Any

from common.settings import ServiceSettings, StartRefused

FLUSH_SECONDS = 2.0
EXPORT_SECONDS = 3
"""A collector that is away must not hold up the end of a process."""


class _Reporting:
    """What this process reports to: nothing, until `start_reporting`."""

    sentry: Any = None
    tracer: Any = None


_reporting = _Reporting()


def start_reporting(service: str, settings: ServiceSettings) -> None:
    """Report from now on, as the settings say; the first call of a process names it.

    Raises `StartRefused` for an address that is none.
    """
    if settings.sentry_dsn is not None and _reporting.sentry is None:
        _reporting.sentry = _sentry(service, settings.sentry_dsn.get_secret_value(), settings)
    if settings.otel_exporter_otlp_endpoint and _reporting.tracer is None:
        _reporting.tracer = _tracer(service, settings.otel_exporter_otlp_endpoint)


def report_error(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step of the log's chain: lines of level error go to Sentry, too."""
    if _reporting.sentry is not None and event.get("level") in ("error", "critical"):
        _send_error(event)
    return event


def tracing() -> bool:
    """Whether spans go anywhere: ask before making up what they say."""
    return _reporting.tracer is not None


def note_span(
    name: str, traceparent: str | None, seconds: float, **attributes: str | int | float
) -> None:
    """One thing that has just ended, below the request that caused it; does nothing without one."""
    if _reporting.tracer is None or traceparent is None:
        return
    end = time.time_ns()
    span = _reporting.tracer.start_span(
        name,
        context=_parent(traceparent),
        start_time=end - int(seconds * 1e9),
        attributes=attributes,
    )
    span.end(end)


def _sentry(service: str, dsn: str, settings: ServiceSettings) -> Any:
    sentry = import_module("sentry_sdk")
    try:
        sentry.init(
            dsn=dsn,
            environment=settings.environment,
            server_name=service,
            # each of them would send what it finds in requests, headers or variables
            default_integrations=False,
            auto_enabling_integrations=False,
            send_default_pii=False,
            include_local_variables=False,
            max_breadcrumbs=0,
            before_send=_without_texts,
        )
    except ValueError:
        raise StartRefused("cannot start: SENTRY_DSN: is not understood") from None
    atexit.register(sentry.flush, FLUSH_SECONDS)
    return sentry


def _tracer(service: str, endpoint: str) -> Any:
    sdk = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resource = import_module("opentelemetry.sdk.resources").Resource({"service.name": service})
    # its own provider, not the global one: libraries would add spans with paths and queries
    provider = sdk.TracerProvider(resource=resource)
    address = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = otlp.OTLPSpanExporter(endpoint=address, timeout=EXPORT_SECONDS)
    provider.add_span_processor(export.BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return provider.get_tracer("cartulary")


def _parent(traceparent: str) -> Any:
    trace = import_module("opentelemetry.trace")
    _, trace_id, span_id, flags = traceparent.split("-")
    parent = trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), True, trace.TraceFlags(int(flags, 16))
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _send_error(event: MutableMapping[str, Any]) -> None:
    sentry = _reporting.sentry
    with sentry.new_scope() as scope:
        scope.set_tag("log_event", str(event.get("event")))
        for name in ("request_id", "correlation_id", "service", "task", "route", "consumer"):
            if name in event:
                scope.set_tag(name, str(event[name]))
        error = _error_of(event.get("exc_info"))
        if error is None:
            sentry.capture_message(str(event.get("event")), level="error")
        else:
            sentry.capture_exception(error)


def _error_of(info: Any) -> Any:
    """structlog takes True, an exception, or what `sys.exc_info` returns."""
    if info is True:
        info = sys.exc_info()
    return info if isinstance(info, tuple) and info[0] is not None else _exception(info)


def _exception(info: Any) -> BaseException | None:
    return info if isinstance(info, BaseException) else None


def _without_texts(event: dict[str, Any], _: object) -> dict[str, Any]:
    """The kinds of the errors and where they were raised; not what they say."""
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = "[hidden]"
        for frame in error.get("stacktrace", {}).get("frames", ()):
            frame.pop("vars", None)
    for name in ("request", "user", "extra", "breadcrumbs", "modules"):
        event.pop(name, None)
    return event
