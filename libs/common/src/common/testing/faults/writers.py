"""Clients that never give up: each request has an Idempotency-Key and is repeated until answered.

So whatever becomes of the servers, a writer knows at the end exactly what its notes must say.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from common.testing.faults.notes_service import DRAFT

PATIENCE = aiohttp.ClientTimeout(total=8)
PAUSE_SECONDS = 0.05
BURNT = None


@dataclass(frozen=True)
class ApiError:
    """A status of 500 or more, and when its request was under way."""

    began: float
    ended: float
    status: int
    code: str


@dataclass
class Ledger:
    """What was answered: all that must be true in the end."""

    notes: dict[UUID, list[str | None]] = field(default_factory=dict)
    """Per note its texts in the order of their versions; None: burnt."""
    answered: int = 0
    replayed: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    """Requests whose connection broke, by the kind of error; they were repeated."""
    errors: list[ApiError] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers that contradict what was answered before."""


class Writer:
    """One client, which goes from one API process to the next when one does not answer."""

    def __init__(
        self, session: aiohttp.ClientSession, urls: Sequence[str], ledger: Ledger, seed: int
    ) -> None:
        self._session = session
        self._urls = list(urls)
        self._ledger = ledger
        self._dice = Random(seed)
        self._author = uuid4()

    async def write_until(self, end: asyncio.Event) -> None:
        """Live one note's life after the other."""
        while not end.is_set():
            await self.note()

    async def note(self, changes: int | None = None, *, burn: bool | None = None) -> UUID:
        """Write a note, change it, read it, and burn it or not."""
        id = uuid4()
        body = {"author_id": str(self._author), "title": str(id), "text": f"{id} first"}
        await self.change(id, "POST", body, body["text"])
        for n in range(self._dice.randrange(4) if changes is None else changes):
            kind = DRAFT if self._dice.random() < 0.3 else "text"
            text = f"{kind} {id} {n}"
            await self.change(id, "PATCH", {"text": text}, text)
        await self._read(id)
        if self._dice.random() < 0.5 if burn is None else burn:
            await self.change(id, "DELETE", None, BURNT)
        return id

    async def change(self, id: UUID, method: str, body: Any, text: str | None) -> None:
        """One command, until it is answered; then its event is owed."""
        texts = self._ledger.notes.get(id, [])
        headers = {"Idempotency-Key": uuid4().hex}
        status, answer = await self._answer(method, id, json=body, headers=headers)
        self._ledger.notes.setdefault(id, texts).append(text)
        if status not in (200, 201) or answer.get("version") != len(texts):
            self._ledger.wrong.append(f"{method} note-{id} {len(texts)}: {status} {answer}")

    async def _read(self, id: UUID) -> None:
        """What was answered can be read at every API process at once."""
        texts = self._ledger.notes[id]
        status, answer = await self._answer("GET", id)
        expected = {"text": texts[-1], "version": len(texts)}
        if (status, answer) != (200, expected):
            self._ledger.wrong.append(f"GET note-{id}: {status} {answer}, not {expected}")

    async def _answer(self, method: str, id: UUID, **how: Any) -> tuple[int, dict[str, Any]]:
        """The first answer that is not "later"."""
        while True:
            url, began = self._dice.choice(self._urls), time.monotonic()
            try:
                async with self._session.request(
                    method, f"{url}/notes/{id}", timeout=PATIENCE, **how
                ) as response:
                    answer = await response.json(content_type=None)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._ledger.unanswered[type(error).__name__] += 1
            else:
                ended = time.monotonic()
                if not self._must_wait(response.status, answer, began, ended):
                    self._ledger.answered += 1
                    self._ledger.replayed += "Idempotent-Replayed" in response.headers
                    return response.status, answer
            await asyncio.sleep(PAUSE_SECONDS)

    def _must_wait(self, status: int, answer: dict[str, Any], began: float, ended: float) -> bool:
        if status >= 500:
            code = str(answer.get("code"))
            self._ledger.errors.append(ApiError(began, ended, status, code))
        return status >= 500 or answer.get("code") == "idempotency_key_in_use"
