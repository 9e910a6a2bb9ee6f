"""A leader that stands still while another takes over, and comes back believing it leads."""

import asyncio

import pytest
from common.testing.faults.crash_points import CrashPoint
from common.testing.faults.invariants import inspect, quiet
from common.testing.faults.system import System
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_a_leader_paused_between_publish_and_cursor_is_replaced_and_cannot_move_it_later(
    system: System,
) -> None:
    """P12. It stops where it hurts most: the broker has the page, the cursor does not say so."""
    paused, successor = system.relays
    await asyncio.gather(paused.stop(), successor.stop())
    strike = {"CRASH_POINT": CrashPoint.AFTER_PUBLISH.value, "CRASH_SIGNAL": "SIGSTOP"}
    paused.start({**strike, "CRASH_PASS": "2"})
    await write_until_paused(system)

    successor.start()
    successor.keep_running()

    async def has_taken_over() -> bool:
        return await system.leader() is successor

    await eventually(has_taken_over, within=60, what="another leader")
    await quiet(system)
    paused.resume()

    async def has_noticed() -> bool:
        return '"task_died"' in paused.said()

    await eventually(has_noticed, within=60, what="the old leader's insight")
    paused.keep_running()
    await quiet(system)
    findings = await inspect(system)
    assert findings.faultless, findings
    assert await system.leader() is successor


async def write_until_paused(system: System) -> None:
    enough = asyncio.Event()

    async def is_paused() -> bool:
        return system.relays[0].is_paused()

    writing = [asyncio.ensure_future(system.writer(n).write_until(enough)) for n in range(4)]
    await eventually(is_paused, within=60, what="the leader's pause")
    enough.set()
    await asyncio.gather(*writing)
