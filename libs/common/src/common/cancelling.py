"""A task that was told to end ends, also when what it was doing breaks because of that."""

import asyncio


def told_to_end() -> bool:
    """Whether this task was cancelled and has not ended yet.

    An error raised then may hide the cancellation: a connection whose statement was broken off
    says something of its own. Whoever goes on after errors asks here before.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
