"""What was heard of lately, for those who watch: bounded, in order, each message once."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from common.messages import Envelope

REMEMBERED = 20_000
WAITING = 256
_PERSONS = ("account_id", "owner_id", "customer_id", "user_id")
"""Fields of messages that name whose the thing is."""


@dataclass(frozen=True, slots=True)
class Told:
    """That something happened; no content, which whoever wants it asks for."""

    id: UUID
    type: str
    subject: str
    time: datetime
    persons: frozenset[str]


class Watcher:
    """One person's open stream: what is theirs, and what they have not been told yet.

    `missed`: something may have been left out, so what is shown must be read anew.
    """

    def __init__(self, account: str, subjects: Iterable[str]) -> None:
        self.account = account
        self.subjects = set(subjects)
        self.missed = False
        self.waiting: deque[Told] = deque()
        self.woken = asyncio.Event()

    def offer(self, told: Told) -> None:
        """Keep what is theirs; one who does not read loses the rest and is told so."""
        if self.account in told.persons:
            self.subjects.add(told.subject)
        elif told.subject not in self.subjects:
            return
        self.waiting.append(told)
        if len(self.waiting) > WAITING:
            self.begin_anew()
        self.woken.set()

    def begin_anew(self) -> None:
        """Say that something was missed."""
        self.waiting.clear()
        self.missed = True
        self.woken.set()


class LiveLog:
    """Everybody's news in one order. `most` is how many are remembered for those who come back."""

    def __init__(self, *, most: int = REMEMBERED) -> None:
        self.watchers: set[Watcher] = set()
        self._most = most
        self._told: OrderedDict[UUID, Told] = OrderedDict()
        self._heard = 0

    @property
    def heard(self) -> int:
        """How many messages there have been: a place in the log."""
        return self._heard

    def hear(self, envelope: Envelope) -> None:
        """Remember a message and hand it to whom it concerns; one heard before is let go."""
        if envelope.id in self._told:
            return
        told = Told(
            envelope.id,
            envelope.type,
            envelope.subject,
            envelope.time,
            frozenset(_persons(envelope)),
        )
        self._told[told.id] = told
        self._heard += 1
        if len(self._told) > self._most:
            self._told.popitem(last=False)
        for watcher in self.watchers:
            watcher.offer(told)

    def watch(self, watcher: Watcher, *, since: int, last: UUID | None) -> None:
        """Begin to watch: after the message `last`, else from the place `since` on."""
        if last is None:
            lately = list(islice(reversed(self._told.values()), self._heard - since))
            missed = len(lately) < self._heard - since
        else:
            missed = last not in self._told
            lately = [] if missed else list(self._after(last))
        for told in reversed(lately):
            watcher.offer(told)
        if missed:
            watcher.begin_anew()
        self.watchers.add(watcher)

    def begin_anew(self) -> None:
        """Something may not have been heard: nobody can go on where they were."""
        self._told.clear()
        for watcher in self.watchers:
            watcher.begin_anew()

    def wake_all(self) -> None:
        """Let every stream look whether it is to end."""
        for watcher in self.watchers:
            watcher.woken.set()

    def _after(self, last: UUID) -> Iterator[Told]:
        """The newest first."""
        for told in reversed(self._told.values()):
            if told.id == last:
                return
            yield told


def _persons(envelope: Envelope) -> Iterator[str]:
    category, _, id = envelope.subject.partition("/")
    if category in ("account", "user"):
        yield id
    if envelope.data_subject is not None:
        yield str(envelope.data_subject)
    for name in _PERSONS:
        value = envelope.data.get(name)
        if isinstance(value, str):
            yield value
