"""The figures to reach, in one place: what `docs/performance.md` promises.

Each line must be measured by the subject under which it stands; a run says so when one is missing.
"""

from collections.abc import Iterable, Mapping

from bench.measurement import Measurement, Reference, Target, measured


def _ratio_at_least(limit: float) -> Target:
    return Target("ratio", "at least", limit)


def _at_most(limit: float) -> Target:
    return Target("figure", "at most", limit)


_COMMAND = _ratio_at_least(0.35)
_PEER = _ratio_at_least(5)

TARGETS: Mapping[str, Mapping[str, Target]] = {
    "appends": {
        **{
            f"append, {at_once} at once{disk}{reference}": _ratio_at_least(0.6)
            for at_once in (8, 32)
            for disk in ("", ", network disk")
            for reference in ("", ", beside autocommit")
        },
        **{
            f"append, {at_once} at once, beside {peer}": _PEER
            for at_once in (8, 32)
            for peer in ("eventsourcing", "tuned eventsourcing")
        },
    },
    "commands": {
        "whole command, 32 at once": _COMMAND,
        "whole command, 32 at once, beside autocommit": _COMMAND,
    },
    "loads": {"load of 201 events": Target("ratio", "at most", 1 / 3)},
    "rebuilds": {"rebuild of a view": Target("figure", "at least", 20_000)},
    "relay": {"relay": _ratio_at_least(0.7)},
    "consumer": {"consumer": Target("figure", "at least", 5_000)},
    "renewals": {"renewals, one worker": Target("figure", "at least", 200)},
    "latency": {
        "commit to effect elsewhere, p50": _at_most(15),
        "commit to effect elsewhere, p99": _at_most(60),
    },
    "gateway": {
        "cached read": _ratio_at_least(0.4),
        "cached read, beside CartePro's": _ratio_at_least(10),
        "pass-through": _ratio_at_least(0.7),
    },
    "proxying": {
        "wait of 200 clients, p99 by p50": _at_most(5),
        **{
            f"two gateways on one port, {kind}, answers a CPU second": _ratio_at_least(0.8)
            for kind in ("cached", "passed through")
        },
    },
    "purges": {"change to new answer at both gateways, p99": _at_most(100)},
    "creation": {"create a card, beside CartePro's": _ratio_at_least(2)},
    "webhooks": {"webhook taken in": _ratio_at_least(0.6)},
    "memory": {
        "memory of the largest process, at rest": _at_most(90),
        "memory of the largest process, after load": _at_most(160),
    },
    "start": {"start to first answer": _at_most(5)},
    "backups": {},
}


def line(
    subject: str,
    name: str,
    ours: float,
    reference: Reference | None,
    *,
    unit: str,
    conditions: str,
) -> Measurement:
    """A line of a subject, beside its target if it has one."""
    target = TARGETS[subject].get(name)
    return measured(name, ours, reference, target, unit=unit, conditions=conditions)


def missing(subject: str, measurements: Iterable[Measurement]) -> set[str]:
    """The lines with a target that a subject owes and has not measured."""
    return TARGETS[subject].keys() - {measurement.name for measurement in measurements}
