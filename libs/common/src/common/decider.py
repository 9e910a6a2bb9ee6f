"""The shape of every aggregate and every process: decide what happens, then evolve the state."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar
from uuid import UUID

CommandT = TypeVar("CommandT")
EventT = TypeVar("EventT")
StateT = TypeVar("StateT")


@dataclass(frozen=True)
class Decider(Generic[CommandT, StateT, EventT]):
    """Pure rules of one kind of stream: no clock, no random number, no I/O.

    `decide` returns the events that follow from a command, nothing when all is already so,
    and raises a `Refusal` when the command may not be.
    """

    category: str
    initial: StateT
    decide: Callable[[CommandT, StateT], Sequence[EventT]]
    evolve: Callable[[StateT, EventT], StateT]

    def fold(self, history: Iterable[EventT], state: StateT | None = None) -> StateT:
        """The state after `history`, counted from `state` or from the beginning."""
        return reduce(self.evolve, history, self.initial if state is None else state)

    def stream(self, id: UUID) -> str:
        """The name of one stream of this category: `card-0198…`."""
        return f"{self.category}-{id}"
