"""What errors of the database mean to a caller over HTTP, whichever route meets them."""

import asyncpg
import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from common.database import AWAY
from common.problem_responses import answer_refusal
from common.problems import Invalid, Unavailable
from common.standing_aside import BeingRestored

log = structlog.get_logger(__name__)

UNSTORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
"""A NUL is good JSON and good Unicode, and PostgreSQL takes it in no text."""


class ServiceIsRestored(Unavailable):
    """The database is being replaced by a backup."""

    code = "service_is_restored"
    detail = "The service is being restored from a backup. Try again shortly."


def install_database_handlers(app: FastAPI) -> None:
    """Answer 422 for what cannot be stored, 503 while PostgreSQL is away."""
    for kind in UNSTORABLE:
        app.add_exception_handler(kind, _unstorable)
    for kind in AWAY:
        app.add_exception_handler(kind, _away)


async def _unstorable(request: Request, _: Exception) -> Response:
    return await answer_refusal(request, Invalid("A text has a character that cannot be stored."))


async def _away(request: Request, error: Exception) -> Response:
    if isinstance(error, ValueError):  # a value that asyncpg cannot send: our defect
        raise error
    log.warning("database_is_away", why=type(error).__name__)
    refusal = ServiceIsRestored() if isinstance(error, BeingRestored) else Unavailable()
    return await answer_refusal(request, refusal)
