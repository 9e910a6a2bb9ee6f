"""given(history).when(command).then(events): the only way we test a decider."""

from dataclasses import dataclass
from typing import Generic

import pytest

from common.decider import CommandT, Decider, EventT, StateT


class Scenario(Generic[CommandT, StateT, EventT]):
    """Sentences about one decider."""

    def __init__(self, decider: Decider[CommandT, StateT, EventT]) -> None:
        self._decider = decider

    def given(self, *history: EventT) -> "_Given[CommandT, StateT, EventT]":
        """What has happened."""
        return _Given(self._decider, history)


@dataclass(frozen=True)
class _Given(Generic[CommandT, StateT, EventT]):
    decider: Decider[CommandT, StateT, EventT]
    history: tuple[EventT, ...]

    def when(self, command: CommandT) -> "_When[CommandT, StateT, EventT]":
        """What is asked."""
        return _When(self.decider, self.history, command)


@dataclass(frozen=True)
class _When(Generic[CommandT, StateT, EventT]):
    decider: Decider[CommandT, StateT, EventT]
    history: tuple[EventT, ...]
    command: CommandT

    def then(self, *expected: EventT) -> None:
        """Exactly these events follow; none: it is already so."""
        assert self._decide() == expected

    def then_refused(self, error: type[Exception]) -> None:
        """It is refused, with this error."""
        with pytest.raises(error):
            self._decide()

    def _decide(self) -> tuple[EventT, ...]:
        state = self.decider.fold(self.history)
        return tuple(self.decider.decide(self.command, state))
