"""Whose access tokens are refused although they are good: sessions that ended, accounts shut.

A token cannot be called back; it is refused here until it would have expired anyway. What ended is
heard on the exchange. A gateway that has just started asks auth for the ends whose tokens are still
about, and one that has lost the broker asks every second until it hears again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog
from common.clock import Clock
from common.problems import Forbidden
from pydantic import TypeAdapter, ValidationError

from gateway.answers import Refused
from gateway.consumed_events import SessionEnded
from gateway.forwarding import AnswerCut, Upstream, fetch

ENDED_PATH = "/internal/ended-sessions"
FETCH_SECONDS = 2.0
ASK_AGAIN_SECONDS = 1.0
MARGIN = timedelta(minutes=1)
"""Kept so much longer: clocks differ, and a refresh under way may have signed a last token."""
MOST = 100_000

_ENDS = TypeAdapter(list[SessionEnded])

log = structlog.get_logger(__name__)


class AccountIsSuspended(Forbidden):
    """An administrator shut the account."""

    code = "account_suspended"
    detail = "This account is suspended."


class RefusedTokens:
    """Sessions and accounts that are over, and accounts that are shut, each until a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._over: OrderedDict[UUID, datetime] = OrderedDict()
        self._shut: OrderedDict[UUID, datetime] = OrderedDict()

    def end(self, id: UUID, tokens_expire_at: datetime) -> None:
        """Believe no token of this session, or of this account, any more."""
        self._add(self._over, id, tokens_expire_at)

    def shut(self, account_id: UUID, tokens_expire_at: datetime) -> None:
        """Let nobody in with a token of this account, and say why."""
        self._add(self._shut, account_id, tokens_expire_at)

    def open(self, account_id: UUID) -> None:
        """The account is no longer shut; sessions that ended meanwhile stay so."""
        self._shut.pop(account_id, None)

    def open_all(self) -> None:
        """Forget who is shut: that they were let in may have been missed. All sessions of those who
        are shut have ended, so nobody comes in by this."""
        self._shut.clear()

    def is_over(self, ids: Iterable[UUID]) -> bool:
        """Whether one of session and account is over."""
        return bool(self._over) and any(id in self._over for id in ids)

    def is_shut(self, account_id: UUID) -> bool:
        """Whether the account is shut."""
        return bool(self._shut) and account_id in self._shut

    def _add(self, kept: OrderedDict[UUID, datetime], id: UUID, until: datetime) -> None:
        kept[id] = until + MARGIN
        kept.move_to_end(id)
        now = self._clock.now()
        # they come nearly in order, so the oldest stand first
        while kept and (len(kept) > MOST or next(iter(kept.values())) < now):
            kept.popitem(last=False)


class EndedSessions:
    """Asks auth for the ends that were not heard. `known`: all from before the start are."""

    def __init__(self, auth: Upstream, secret: str, refused: RefusedTokens) -> None:
        self.known = False
        self._hearing = False
        self._auth = auth
        self._headers = ((b"authorization", f"Bearer {secret}".encode()),)
        self._refused = refused
        self._missed = asyncio.Event()

    def on_connection(self, up: bool) -> None:
        """The broker is there or away; either way something may have been missed until now."""
        self._hearing = up
        self._missed.set()

    async def keep_known(self) -> None:
        """Ask at the start, and whenever something may have been missed, until cancelled."""
        while True:
            self._missed.clear()
            if await self._ask() and self._hearing:
                await self._missed.wait()
            else:
                await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _ask(self) -> bool:
        try:
            answer = await fetch(
                self._auth, ENDED_PATH, budget=FETCH_SECONDS, headers=self._headers
            )
            ends = _ENDS.validate_python(orjson.loads(answer.body))
        except (Refused, AnswerCut, ValidationError, orjson.JSONDecodeError) as error:
            log.warning("ended_sessions_not_read", reason=type(error).__name__)
            return False
        self._refused.open_all()
        for end in ends:
            self._refused.end(end.session_id, end.tokens_expire_at)
        self.known = True
        return True
