"""Requests that are in order go straight to their endpoints.

FastAPI looks a route up twice and works out anew for each request what its endpoint depends on,
which took a quarter of what making a card costs its service. Here that is worked out once. Whatever
is not in order, or needs more than our routes do, goes FastAPI's own way and hears what it says.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, NamedTuple, get_type_hints

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import HTTPException
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute, APIRouter, RouteContext, iter_route_contexts
from pydantic import TypeAdapter, ValidationError
from starlette.convertors import StringConvertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = "application/json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""What a route answers that names none, as a mounted application does."""


class DirectRoutes:
    """ASGI: a router's routes as they are now, each with what its endpoint needs.

    Made when all routes are there.
    """

    def __init__(self, router: APIRouter) -> None:
        self._other_way: ASGIApp = AsyncExitStackMiddleware(router)
        # in the router's own order: where several fit a path, the first one answers
        self._routes: dict[str, list[_Place]] = {}
        for context in iter_route_contexts(router.routes):
            place = _Place(context.path or "", context.path_regex, _direct(context))
            for method in context.methods or METHODS:
                self._routes.setdefault(method, []).append(place)
        self._plain: dict[tuple[str, str], _DirectRoute] = {}
        for method, places in self._routes.items():
            for path in [place.path for place in places if not place.pattern.groups]:
                first = next(place for place in places if place.pattern.match(path))
                if first.route is not None and first.path == path:
                    self._plain[method, path] = first.route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let FastAPI."""
        route, found = self._find(scope)
        if route is None:
            await self._other_way(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route.described, found
        request = Request(scope, receive, send)
        body = b"" if route.body is None else await _read(request)
        answer = await route.answer(request, body)
        if answer is not None:
            await answer(scope, receive, send)
        elif route.body is None:
            await self._other_way(scope, receive, send)
        else:
            await self._other_way(scope, _once_more(body, receive), send)

    def _find(self, scope: Scope) -> tuple["_DirectRoute | None", dict[str, str]]:
        """The route that answers, and what the path says; None when FastAPI shall look for it."""
        if scope["type"] != "http" or scope.get("root_path"):
            return None, {}
        method, path = scope["method"], scope["path"]
        route = self._plain.get((method, path))
        if route is not None:
            return route, {}
        for place in self._routes.get(method, ()):
            matched = place.pattern.match(path)
            if matched:
                return place.route, matched.groupdict()
        return None, {}


class _Place(NamedTuple):
    """Where a route stands; without the route when it goes FastAPI's own way."""

    path: str
    pattern: re.Pattern[str]
    route: "_DirectRoute | None"


class _Step(NamedTuple):
    """One call on the way to an answer: a dependency, or the endpoint, which comes last."""

    call: Callable[..., Awaitable[Any]]
    dependant: Dependant
    results: Sequence[tuple[str, int]]
    """What it takes of the steps before it."""


@dataclass(frozen=True)
class _DirectRoute:
    described: APIRoute
    steps: Sequence[_Step]
    body: tuple[str, TypeAdapter[Any]] | None

    async def answer(self, request: Request, body: bytes) -> Response | None:
        """The endpoint's answer; None, before anything was called, for what is not in order."""
        given = self._given(request, body)
        if given is None:
            return None
        results: list[Any] = []
        for step, values in zip(self.steps, given, strict=True):
            for name, number in step.results:
                values[name] = results[number]
            results.append(await step.call(**values))
        answer: Response = results[-1]
        return answer

    def _given(self, request: Request, body: bytes) -> list[dict[str, Any]] | None:
        """What each step takes of the request itself."""
        given = []
        for step in self.steps:
            dependant = step.dependant
            values = _parameters(dependant, request)
            if values is None:
                return None
            if dependant.request_param_name:
                values[dependant.request_param_name] = request
            given.append(values)
        if self.body is not None:
            name, adapter = self.body
            if request.headers.get("content-type") != JSON:
                return None
            try:
                given[-1][name] = adapter.validate_json(body)
            except ValidationError:
                return None
        return given


def _parameters(dependant: Dependant, request: Request) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    sources: tuple[tuple[Any, str], ...] = (
        (dependant.path_params, "path_params"),
        (dependant.query_params, "query_params"),
        (dependant.header_params, "headers"),
        (dependant.cookie_params, "cookies"),
    )
    for fields, source in sources:
        if fields:
            found, errors = request_params_to_args(fields, getattr(request, source))
            if errors:
                return None
            values |= found
    return values


def _direct(context: RouteContext) -> _DirectRoute | None:
    """The route, if all that it needs is done here."""
    route = context.original_route
    if not isinstance(route, APIRoute) or not _gives_a_response(route.endpoint):
        return None
    convertors: Mapping[str, object] = context.param_convertors
    if not all(type(convertor) is StringConvertor for convertor in convertors.values()):
        return None
    steps = _steps(context.dependant)
    if steps is None:
        return None
    if not context.dependant.body_params:
        return _DirectRoute(route, steps, None)
    body = context.dependant.body_params[0]
    plain = type(body.field_info) is params.Body and not body.field_info.metadata
    if not plain or context._embed_body_fields or len(context.dependant.body_params) > 1:
        return None
    return _DirectRoute(route, steps, (body.name, TypeAdapter(body.field_info.annotation)))


def _gives_a_response(endpoint: Callable[..., Any]) -> bool:
    answer = get_type_hints(endpoint).get("return")
    return isinstance(answer, type) and issubclass(answer, Response)


def _steps(endpoint: Dependant) -> list[_Step] | None:
    """Each dependency once, after those that it needs itself; None if there is one of a kind that
    is not called here."""
    steps: list[_Step] = []
    numbers: dict[Callable[..., Any], int] = {}

    def plan(dependant: Dependant) -> int | None:
        call = dependant.call
        if call is None or not iscoroutinefunction(call) or _is_special(dependant, endpoint):
            return None
        if call not in numbers:
            found = [(each.name, plan(each)) for each in dependant.dependencies]
            results = [(name, n) for name, n in found if name is not None and n is not None]
            if len(results) < len(found):
                return None
            numbers[call] = len(steps)
            steps.append(_Step(call, dependant, results))
        return numbers[call]

    return None if plan(endpoint) is None else steps


def _is_special(dependant: Dependant, endpoint: Dependant) -> bool:
    return bool(
        dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.http_connection_param_name
        or dependant.security_scopes_param_name
        or dependant.own_oauth_scopes
        or dependant.concurrency
        or not dependant.use_cache
        or (dependant.body_params and dependant is not endpoint)
    )


async def _read(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400) from error


def _once_more(body: bytes, receive: Receive) -> Receive:
    """For who has not heard the body yet."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
