"""What operators' machines read of every process: `/livez`, `/readyz` and `/metrics`.

An API has them among its routes; a worker, which serves nobody else, at a port of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from common.serving import served_beside
from common.settings import ServiceSettings

Check = Callable[[], Awaitable[bool]]

CHECK_SECONDS = 2.0

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether requests can be served; names the parts that are not ready."""
    state = request.app.state
    answers = await asyncio.gather(*(_holds(*part) for part in state.readiness.items()))
    missing = [name for name, well in zip(state.readiness, answers, strict=True) if not well]
    if not state.ready:
        missing.append("service")
    return JSONResponse(
        {"status": "ok" if not missing else "not ready", "missing": missing},
        503 if missing else 200,
    )


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception as error:
        log.warning("readiness_unknown", part=name, why=type(error).__name__)
        return False


@asynccontextmanager
async def operations(
    settings: ServiceSettings, readiness: Mapping[str, Check]
) -> AsyncIterator[None]:
    """Serve them meanwhile at `operations_port`, unless it is 0."""
    if not settings.operations_port:
        yield
        return
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.ready, app.state.readiness = True, readiness
    app.include_router(router)
    async with served_beside(app, settings.host, settings.operations_port):
        yield
