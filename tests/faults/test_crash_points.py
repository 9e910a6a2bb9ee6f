"""kill -9 at every named point: whatever a process leaves behind, the next one makes it whole."""

import asyncio
import signal
from collections.abc import Sequence

import pytest
from common.testing.faults.crash_points import CrashPoint
from common.testing.faults.invariants import inspect, quiet
from common.testing.faults.supervision import Service
from common.testing.faults.system import System
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def write_until_struck(system: System, service: Service, writers: int = 4) -> None:
    """Keep it busy until it has met its point, and let every writer get its answers."""
    enough = asyncio.Event()

    async def has_ended() -> bool:
        return service.ended_by() is not None

    writing = [asyncio.ensure_future(system.writer(n).write_until(enough)) for n in range(writers)]
    await eventually(has_ended, within=60, what=f"the end of {service.name}")
    enough.set()
    await asyncio.gather(*writing)
    assert service.ended_by() == -signal.SIGKILL, service.said()[-2000:]


async def restarted_with(service: Service, others: Sequence[Service], point: CrashPoint) -> None:
    """The process, once more and alone of its kind, struck when it comes to the point."""
    await asyncio.gather(*(one.stop() for one in (service, *others)))
    service.start({"CRASH_POINT": point.value, "CRASH_PASS": "2"})


async def whole_again(system: System, services: Sequence[Service]) -> None:
    """All of them run as usual, and nothing is lost, doubled or reordered."""
    for service in services:
        await service.stop()
        service.start()
        service.keep_running()
    await system.ready()
    await quiet(system)
    findings = await inspect(system)
    assert findings.faultless, findings


@pytest.mark.parametrize("point", [CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_COMMIT])
async def test_an_api_killed_around_its_commit_has_done_what_it_answers_to_the_repeat(
    system: System, point: CrashPoint
) -> None:
    """P5. The caller cannot know; the repeat under the same key is answered, and done once."""
    api, before = system.apis[0], system.ledger.replayed
    await restarted_with(api, [], point)
    await system.api_is_ready(system.urls[0])

    await write_until_struck(system, api, writers=1)
    await whole_again(system, [api])

    assert (system.ledger.replayed > before) == (point is CrashPoint.AFTER_COMMIT)


@pytest.mark.parametrize(
    "point",
    [
        CrashPoint.BEFORE_PUBLISH,
        CrashPoint.AMID_PUBLISH,
        CrashPoint.AFTER_PUBLISH,
        CrashPoint.BEFORE_COMMIT,
        CrashPoint.AFTER_COMMIT,
    ],
)
async def test_a_relay_killed_between_log_broker_and_cursor_loses_and_doubles_nothing(
    system: System, point: CrashPoint
) -> None:
    """P2, P5."""
    await restarted_with(system.relays[0], system.relays[1:], point)

    await write_until_struck(system, system.relays[0])

    await whole_again(system, system.relays)


@pytest.mark.parametrize(
    "point",
    [CrashPoint.BEFORE_EFFECT, CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_EFFECT],
)
async def test_a_consumer_killed_between_delivery_effect_and_acknowledgement_acts_once(
    system: System, point: CrashPoint
) -> None:
    """P2, P5."""
    await restarted_with(system.readers[0], system.readers[1:], point)

    await write_until_struck(system, system.readers[0])

    await whole_again(system, system.readers)
