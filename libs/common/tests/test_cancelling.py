"""Whoever is told to end ends, though what they were doing breaks because of that."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from operator import attrgetter

import pytest
from common.database import Database, Transaction
from common.kernel import Kernel
from common.observability import supervise

UnitOf = Callable[[Database], Callable[[], AbstractAsyncContextManager[Transaction]]]


async def told_to_end_amid(begun: asyncio.Event, task: "asyncio.Task[None]") -> None:
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_loop_that_breaks_while_it_is_cancelled_is_not_started_again() -> None:
    begun, started = asyncio.Event(), []

    async def run() -> None:
        started.append(None)
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("a farewell")

    await told_to_end_amid(begun, asyncio.create_task(supervise("broken off", run)))

    assert len(started) == 1


@pytest.mark.parametrize("unit_of", [attrgetter("transaction"), attrgetter("reader")])
async def test_a_broken_off_statement_does_not_hide_that_its_task_was_cancelled(
    kernel: Kernel, unit_of: UnitOf
) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        try:
            async with unit_of(kernel.database)():
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    raise OSError("a farewell")
        except Exception:
            await asyncio.Event().wait()  # as one who tries again would

    await told_to_end_amid(begun, asyncio.create_task(work()))
