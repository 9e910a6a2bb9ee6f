"""An administrator's way to back a service up and to restore it, over HTTP.

What takes longer than a request may goes on behind it: the list tells how it ended. While a backup
is restored the service answers 503 to everything else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from common.backup_files import files_of
from common.backup_folder import BackupFile, BackupFolder
from common.backups import BackupUnderWay, backup_folder, create_backup
from common.database_problems import ServiceIsRestored
from common.kernel import KernelDeclaration
from common.problem_responses import answer_refusal
from common.problems import Invalid, Refusal
from common.restoring import Restore, Secrets
from common.service import Admin, Now
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a request waits for the end of what it began."""

OPEN_MEANWHILE = ("/livez", "/metrics", "/api/v1/admin/backups")


class ConfirmationRequired(Invalid):
    """The body does not repeat the file's name."""

    code = "confirmation_required"
    detail = 'Restoring replaces everything: repeat the file\'s name as "confirm".'


class OtherService(Invalid):
    """The request came to a service that it does not name."""

    code = "unknown_service"
    detail = "This is another service than the one that was asked for."


class BackupOut(BaseModel):
    """One backup; `bytes` of the log's file, `events` in it."""

    filename: str
    created_at: datetime
    bytes: int
    events: int


class TaskOut(BaseModel):
    """What runs, or ran last, in the process that answers. `outcome`: running, done or failed."""

    what: str
    since: datetime
    outcome: str
    code: str | None = None
    detail: str | None = None
    filename: str | None = None


class BackupsOut(BaseModel):
    """All backups, the newest first, and the last thing that was asked for here."""

    items: list[BackupOut]
    task: TaskOut | None


class Confirmation(BaseModel):
    """The name of the file, once more."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"confirm": "cards-20260131T120000000Z.backup"}]},
    )

    confirm: str = ""


@dataclass
class Backups:
    """The backups of the service in this process, one task at a time."""

    declaration: KernelDeclaration
    settings: ServiceSettings
    task: TaskOut | None = None
    restoring: bool = False
    _running: asyncio.Task[None] | None = None

    @property
    def folder(self) -> BackupFolder:
        """Where they lie. Raises `BackupsNotSetUp`."""
        return backup_folder(self.settings, self.declaration.source)

    async def create(self) -> str:
        """Write one; its name."""
        made = await create_backup(
            self.declaration,
            self.settings.database_url,
            self.folder,
            self._since(),
            files=files_of(self.declaration, self.settings),
        )
        return made.filename

    async def restore(self, path: Path) -> str:
        """Replace the database by it; its name."""
        secrets = Secrets(self.settings.data_key_bytes, self.settings.wire_key_bytes)
        files, dsn = files_of(self.declaration, self.settings), self.settings.database_url
        restore = Restore(self.declaration, dsn, secrets, self.folder, files)
        self.restoring = True
        try:
            await restore.run(path, self._since(), replace=True)
        finally:
            self.restoring = False
        return path.name

    async def begin(self, what: str, now: datetime, work: Callable[[], Awaitable[str]]) -> TaskOut:
        """Do it in the background, and wait for its end as long as a request may.

        Raises `BackupUnderWay`, and what the work raised if that was soon.
        """
        if self._running is not None and not self._running.done():
            raise BackupUnderWay
        self.task = TaskOut(what=what, since=now, outcome="running")
        running = asyncio.ensure_future(self._watched(work, self.task))
        # nobody may be waiting any more when it fails; the task then tells
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._running = running
        await asyncio.wait({running}, timeout=PATIENCE_SECONDS)
        if running.done():
            await running
        return self.task

    async def stop(self) -> None:
        """Break off what runs: it leaves nothing half done."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _watched(self, work: Callable[[], Awaitable[str]], task: TaskOut) -> None:
        outcome = "failed"  # one that is broken off, too
        try:
            task.filename = await work()
            outcome = "done"
        except Refusal as refusal:
            task.code, task.detail = refusal.code, refusal.detail
            raise
        except Exception:
            log.exception("backup_task_failed", what=task.what)
            task.code, task.detail = "unexpected_error", "The service's log says why."
            raise
        finally:
            task.outcome = outcome

    def _since(self) -> datetime:
        assert self.task is not None
        return self.task.since


class ClosedWhileRestoring:
    """ASGI middleware: 503 while a backup takes the database's place."""

    def __init__(self, app: ASGIApp, *, backups: Backups) -> None:
        self._app = app
        self._backups = backups

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the application, or let it."""
        closed = self._backups.restoring and scope["type"] == "http"
        if closed and not scope["path"].startswith(OPEN_MEANWHILE):
            answer = await answer_refusal(Request(scope, receive), ServiceIsRestored())
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def install_backups(
    app: FastAPI, declaration: KernelDeclaration, settings: ServiceSettings
) -> None:
    """Give the routes below what they need, and close all others while a backup is restored."""
    app.state.backups = backups = Backups(declaration, settings)
    # innermost, so that a closed door is measured and logged like any other answer
    app.user_middleware.append(Middleware(ClosedWhileRestoring, backups=backups))


async def _backups(
    request: Request,
    service: Annotated[str, Query(max_length=32, description="whose: the service's name")],
) -> Backups:
    backups: Backups = request.app.state.backups
    if service != backups.declaration.source:
        raise OtherService
    return backups


Service = Annotated[Backups, Depends(_backups)]

router = APIRouter(tags=["backups"])


@router.get("/api/v1/admin/backups")
async def list_backups(caller: Admin, backups: Service) -> BackupsOut:
    """The service's backups, and how the last task went."""
    files = await asyncio.to_thread(backups.folder.listed)
    return BackupsOut(items=[_out(file) for file in files], task=backups.task)


@router.post("/api/v1/admin/backups", status_code=201)
async def begin_backup(caller: Admin, backups: Service, now: Now, response: Response) -> TaskOut:
    """Write a backup: 201 when it is there, 202 when that takes longer."""
    backups.folder  # noqa: B018 (refused at once where none is set up)
    log.info("backup_asked_for", by=str(caller.account_id))
    task = await backups.begin("backup", now, backups.create)
    response.status_code = 202 if task.outcome == "running" else 201
    return task


@router.post("/api/v1/admin/restore/{filename}")
async def begin_restore(
    filename: str,
    body: Confirmation,
    caller: Admin,
    backups: Service,
    now: Now,
    response: Response,
) -> TaskOut:
    """Replace everything by this backup; what there was is backed up first."""
    found = await asyncio.to_thread(backups.folder.find, filename)
    if body.confirm != filename:
        raise ConfirmationRequired
    log.warning("restore_asked_for", by=str(caller.account_id), file=filename)
    task = await backups.begin("restore", now, lambda: backups.restore(found))
    response.status_code = 202 if task.outcome == "running" else 200
    return task


def _out(file: BackupFile) -> BackupOut:
    header = file.header
    return BackupOut(
        filename=file.filename,
        created_at=header.created_at,
        bytes=file.bytes,
        events=header.events,
    )
