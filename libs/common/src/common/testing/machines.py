"""State machines of hypothesis over asynchronous code: the machine in a thread, its awaits here.

Hypothesis drives a machine synchronously, while connections belong to the loop of the test session.
So the machine runs in a thread and hands every coroutine back to that loop. A `@given` on an
`async def` needs none of this: pytest-asyncio runs each example on the loop by itself.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

ResultT = TypeVar("ResultT")

STEP_SECONDS = 60


class AsyncMachine(RuleBasedStateMachine):
    """A machine whose rules call `self.wait_for(...)`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def wait_for(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """What the coroutine returns or raises; it runs on the loop of the tests."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STEP_SECONDS)


async def run_machine(
    machine: Callable[[asyncio.AbstractEventLoop], AsyncMachine], *, examples: int, steps: int
) -> None:
    """Run so many examples of so many steps. Raises what the failing rule raised."""
    loop = asyncio.get_running_loop()
    # no deadline: a step is a transaction on a disk that others share
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run = partial(run_state_machine_as_test, partial(machine, loop), settings=limits)  # type: ignore[arg-type] # any factory will do
    await asyncio.to_thread(run)
