"""A service's OpenAPI document, made from its code.

That takes every model of the service and FastAPI's of the document: 4 to 11 MB of a process and
half a second of its start, since the gateway asks at once. So services answer a record (`openapi`
of their `KernelDeclaration`), and this makes what the record must be equal to.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from common.problem_responses import DOCUMENTED, problem_schemas


def made(title: str, version: str, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The document of these routes, with the problems that each of them may answer."""
    described = APIRouter(
        responses=DOCUMENTED, generate_unique_id_function=lambda route: route.name
    )
    for router in routers:
        described.include_router(router)
    document = get_openapi(title=title, version=version, routes=described.routes)
    document.setdefault("components", {}).setdefault("schemas", {}).update(problem_schemas())
    return document
