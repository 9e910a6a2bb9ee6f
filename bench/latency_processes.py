"""The two workers whose latency is measured: one relays a log, the other handles its messages.

`python -m bench.latency_processes relay|consumer`, with addresses in the environment. The consumer
writes a line a message to its output: the stream, and the monotonic clock after the commit.
"""

import os
import sys
import time
from collections.abc import Sequence

from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.messages import Envelope
from common.observability import configure_logging
from common.rabbitmq import RabbitMQBroker
from common.testing.kernel import kernel_at
from common.testing.reader import reader_on
from common.worker import Worker, WorkerDeclaration, run_until_stopped

READY = "ready"


def _broker() -> RabbitMQBroker:
    return RabbitMQBroker(
        os.environ["AMQP_URL"],
        partitions=int(os.environ["PARTITIONS"]),
        exchange=os.environ["EXCHANGE"],
    )


async def relay() -> None:
    """A service's worker that has nothing to do but relay."""
    async with kernel_at(os.environ["DATABASE_URL"]) as kernel:
        feeds = Feeds("unused", {}, {})
        print(READY, flush=True)
        await Worker(kernel, WorkerDeclaration(), _broker(), feeds, SystemClock()).run()


async def consumer() -> None:
    """A service's inbox with one row as the effect of a message."""
    server = EmbeddedPostgres(os.environ["SOCKET_FOLDER"], 0)
    async with reader_on(server, _nothing_is_missing) as reader:

        async def handle(batch: Sequence[bytes]) -> None:
            await reader.inbox.handle(batch)
            now = time.monotonic_ns()
            streams = [Envelope.from_bytes(raw).stream for raw in batch]
            sys.stdout.write("".join(f"{stream} {now}\n" for stream in streams))
            sys.stdout.flush()

        print(READY, flush=True)
        await _broker().consume(os.environ["GROUP"], reader.inbox.types, handle)


async def _nothing_is_missing(source: str, stream: str, after: int) -> Sequence[bytes]:
    raise AssertionError(f"{source} {stream} after {after}: nothing was lost here")


ROLES = {"relay": relay, "consumer": consumer}


def main() -> None:
    """Work until asked to end."""
    configure_logging(level="error", file=sys.stderr)
    run_until_stopped(ROLES[sys.argv[1]])


if __name__ == "__main__":
    main()
