"""Everything that can be measured, in the order of the table."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bench import (
    appends,
    backups,
    commands,
    consumer,
    creation,
    gateway,
    latency,
    loads,
    memory,
    proxying,
    purges,
    rebuilds,
    relay,
    renewals,
    start,
    webhooks,
)
from bench.measurement import Measurement
from bench.rounds import Run


@dataclass(frozen=True)
class Subject:
    """One module. `in_process`: our side works in this process, so that a profiler sees it."""

    measure: Callable[[Run], Coroutine[Any, Any, list[Measurement]]]
    in_process: bool = True


SUBJECTS: Mapping[str, Subject] = {
    "appends": Subject(appends.measure),
    "commands": Subject(commands.measure),
    "loads": Subject(loads.measure),
    "rebuilds": Subject(rebuilds.measure),
    "relay": Subject(relay.measure),
    "consumer": Subject(consumer.measure),
    "latency": Subject(latency.measure, in_process=False),
    "gateway": Subject(gateway.measure, in_process=False),
    "proxying": Subject(proxying.measure, in_process=False),
    "purges": Subject(purges.measure, in_process=False),
    "creation": Subject(creation.measure, in_process=False),
    "webhooks": Subject(webhooks.measure, in_process=False),
    "memory": Subject(memory.measure, in_process=False),
    "renewals": Subject(renewals.measure, in_process=False),
    "start": Subject(start.measure, in_process=False),
    "backups": Subject(backups.measure),
}
