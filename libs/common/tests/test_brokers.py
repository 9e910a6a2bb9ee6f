"""One promise, two brokers: at least once, in order per subject, acknowledged after the effect."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
from common.broker import Broker, Outgoing
from common.in_process import InProcessBroker
from common.rabbitmq import RabbitMQBroker
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(params=["in_process", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """A broker with an exchange of its own."""
    if request.param == "in_process":
        return InProcessBroker()
    url = request.getfixturevalue("amqp_url")
    return RabbitMQBroker(url, partitions=2, exchange=f"test.{uuid4().hex}")


def message(subject: str, n: int, type_name: str = "example.counted.v1") -> Outgoing:
    return Outgoing(uuid4(), type_name, f"thing/{subject}", f"{subject} {n}".encode())


def group() -> str:
    return f"group-{uuid4().hex[:12]}"


async def publish(broker: Broker, messages: Sequence[Outgoing]) -> None:
    async with broker.publisher() as publisher:
        assert await publisher.publish(messages) == len(messages)


class Heard:
    """A handler that remembers, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.failed: list[list[bytes]] = []
        self._failures = failures

    async def handle(self, bodies: Sequence[bytes]) -> None:
        if len(self.failed) < self._failures:
            self.failed.append(list(bodies))
            raise RuntimeError("not now")
        self.bodies += bodies

    async def has(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.bodies) >= count

        await eventually(enough, what=f"{count} messages")

    def of(self, subject: str) -> list[int]:
        """The numbers of one subject, without repeats, in the order of their first arrival."""
        mine = [body.split() for body in self.bodies]
        return list(dict.fromkeys(int(n) for name, n in mine if name == subject.encode()))


@asynccontextmanager
async def consuming(
    broker: Broker, name: str, heard: Heard, types: Sequence[str] = ("example.*.*",)
) -> AsyncIterator[None]:
    task = asyncio.ensure_future(broker.consume(name, types, heard.handle))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_published_arrives_in_order_per_subject(broker: Broker) -> None:
    name, heard = group(), Heard()
    await broker.declare(name, ["example.*.*"])
    async with consuming(broker, name, heard):
        await publish(broker, [message(s, n) for n in range(200) for s in "abcdefghij"])
        await heard.has(2_000)

    for subject in "abcdefghij":
        assert heard.of(subject) == list(range(200))


async def test_what_was_published_before_its_consumer_came_waits(broker: Broker) -> None:
    name, heard = group(), Heard()
    await broker.declare(name, ["example.*.*"])
    publishing = asyncio.ensure_future(publish(broker, [message("a", n) for n in range(5)]))
    async with consuming(broker, name, heard):
        await heard.has(5)
        await publishing

    assert heard.of("a") == [0, 1, 2, 3, 4]


async def test_types_that_are_not_bound_do_not_arrive(broker: Broker) -> None:
    name, heard = group(), Heard()
    await broker.declare(name, ["other.*.*"])
    async with consuming(broker, name, heard, ["other.*.*"]):
        await publish(broker, [message("a", 0), message("a", 1, "other.counted.v1")])
        await heard.has(1)

    assert heard.bodies == [b"a 1"]


@pytest.mark.parametrize("failures", [1, 3])
async def test_a_batch_that_failed_comes_again_before_anything_else(
    broker: Broker, failures: int
) -> None:
    name, heard = group(), Heard(failures)
    await broker.declare(name, ["example.*.*"])
    async with consuming(broker, name, heard):
        await publish(broker, [message("a", n) for n in range(20)])
        await heard.has(20)

    assert heard.of("a") == list(range(20))
    assert len(heard.failed) == failures
    assert all(batch == heard.failed[0] for batch in heard.failed)


async def test_a_consumer_that_died_in_a_batch_leaves_it_to_the_next(broker: Broker) -> None:
    name, stuck, heard = group(), asyncio.Event(), Heard()

    async def never_ends(bodies: Sequence[bytes]) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await broker.declare(name, ["example.*.*"])
    doomed = asyncio.ensure_future(broker.consume(name, ["example.*.*"], never_ends))
    publishing = asyncio.ensure_future(publish(broker, [message("a", n) for n in range(10)]))
    await stuck.wait()
    doomed.cancel()
    publishing.cancel()
    await asyncio.gather(doomed, publishing, return_exceptions=True)
    async with consuming(broker, name, heard):
        # what was not confirmed is published again, as the relay does
        await publish(broker, [message("a", n) for n in range(10)])
        await heard.has(10)

    assert heard.of("a") == list(range(10))


async def test_two_groups_both_hear_everything(broker: Broker) -> None:
    first, second = Heard(), Heard()
    one, two = group(), group()
    await broker.declare(one, ["example.*.*"])
    await broker.declare(two, ["example.*.*"])
    async with consuming(broker, one, first), consuming(broker, two, second):
        await publish(broker, [message("a", n) for n in range(10)])
        await first.has(10)
        await second.has(10)

    assert first.of("a") == second.of("a") == list(range(10))


async def test_a_listener_hears_every_message_and_that_it_is_connected(broker: Broker) -> None:
    heard: list[bytes] = []
    connected: list[bool] = []
    listening = asyncio.ensure_future(broker.listen(heard.append, connected.append))

    async def is_connected() -> bool:
        return connected == [True]

    async def heard_all() -> bool:
        return heard == [b"a 0", b"a 1"]

    await eventually(is_connected)
    await publish(broker, [message("a", n) for n in range(2)])
    await eventually(heard_all)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening

    assert connected == [True, False]
